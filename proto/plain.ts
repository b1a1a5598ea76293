/**
 * From the generated classes to plain objects. A generated message keeps its defaults in its prototype, so a spread or
 * a comparison of it loses them; here every field is an own property, always in the same order.
 */
import { own } from '../domain/loose.js';
import type { shellapps } from './gen/experience.js';
import type {
  Breadcrumb,
  BrowserContext,
  ElementContext,
  ErrorEvent,
  FeatureFlag,
  FlagCondition,
  FlagRule,
  FlagValue,
  HeatmapEvent,
  IngestResponse,
  PageContext,
  TrackEvent,
  UserFlagSet,
} from './messages.js';

export function trackEvent(message: shellapps.experience.TrackEvent.$Properties): TrackEvent {
  return {
    eventId: message.eventId ?? '',
    appId: message.appId ?? '',
    profileId: message.profileId ?? '',
    sessionId: message.sessionId ?? '',
    timestampMs: message.timestampMs ?? 0,
    eventType: message.eventType ?? '',
    pageUrl: message.pageUrl ?? '',
    elementTid: message.elementTid ?? '',
    metadata: message.metadata ?? {},
    pageContext: present(message.pageContext, pageContext),
    elementContext: present(message.elementContext, elementContext),
  };
}

function pageContext(message: shellapps.experience.PageContext.$Properties): PageContext {
  return {
    path: message.path ?? '',
    title: message.title ?? '',
    referrer: message.referrer ?? '',
    viewportWidth: message.viewportWidth ?? 0,
    viewportHeight: message.viewportHeight ?? 0,
    loadTimeMs: message.loadTimeMs ?? 0,
  };
}

function elementContext(message: shellapps.experience.ElementContext.$Properties): ElementContext {
  return {
    tag: message.tag ?? '',
    text: message.text ?? '',
    x: message.x ?? 0,
    y: message.y ?? 0,
    scrollDepthPct: message.scrollDepthPct ?? 0,
  };
}

export function heatmapEvent(message: shellapps.experience.HeatmapEvent.$Properties): HeatmapEvent {
  return {
    appId: message.appId ?? '',
    profileId: message.profileId ?? '',
    sessionId: message.sessionId ?? '',
    pageUrl: message.pageUrl ?? '',
    timestampMs: message.timestampMs ?? 0,
    x: message.x ?? 0,
    y: message.y ?? 0,
    viewportWidth: message.viewportWidth ?? 0,
    viewportHeight: message.viewportHeight ?? 0,
  };
}

export function ingestResponse(message: shellapps.experience.IngestResponse.$Properties): IngestResponse {
  return {
    success: message.success ?? false,
    eventsAccepted: message.eventsAccepted ?? 0,
    eventsRejected: message.eventsRejected ?? 0,
  };
}

export function errorEvent(message: shellapps.experience.ErrorEvent.$Properties): ErrorEvent {
  return {
    errorId: message.errorId ?? '',
    appId: message.appId ?? '',
    profileId: message.profileId ?? '',
    sessionId: message.sessionId ?? '',
    timestampMs: message.timestampMs ?? 0,
    errorType: message.errorType ?? '',
    message: message.message ?? '',
    stackTrace: message.stackTrace ?? '',
    sourceFile: message.sourceFile ?? '',
    line: message.line ?? 0,
    column: message.column ?? 0,
    pageContext: present(message.pageContext, pageContext),
    browserContext: present(message.browserContext, browserContext),
    userComment: message.userComment ?? '',
    severity: message.severity ?? 0,
    tags: message.tags ?? {},
    breadcrumbs: (message.breadcrumbs ?? []).map(breadcrumb),
    release: message.release ?? '',
    environment: message.environment ?? '',
  };
}

function breadcrumb(message: shellapps.experience.Breadcrumb.$Properties): Breadcrumb {
  return {
    timestampMs: message.timestampMs ?? 0,
    category: message.category ?? '',
    message: message.message ?? '',
    data: message.data ?? {},
  };
}

function browserContext(message: shellapps.experience.BrowserContext.$Properties): BrowserContext {
  return {
    userAgent: message.userAgent ?? '',
    browser: message.browser ?? '',
    browserVersion: message.browserVersion ?? '',
    os: message.os ?? '',
    deviceType: message.deviceType ?? '',
    screenWidth: message.screenWidth ?? 0,
    screenHeight: message.screenHeight ?? 0,
  };
}

export function featureFlag(message: shellapps.experience.FeatureFlag.$Properties): FeatureFlag {
  return {
    flagId: message.flagId ?? '',
    appId: message.appId ?? '',
    key: message.key ?? '',
    description: message.description ?? '',
    type: message.type ?? 0,
    defaultValue: present(message.defaultValue, flagValue),
    rules: (message.rules ?? []).map(flagRule),
    enabled: message.enabled ?? false,
    createdAt: message.createdAt ?? 0,
    updatedAt: message.updatedAt ?? 0,
  };
}

function flagRule(message: shellapps.experience.FlagRule.$Properties): FlagRule {
  return {
    ruleId: message.ruleId ?? '',
    priority: message.priority ?? 0,
    conditions: (message.conditions ?? []).map(flagCondition),
    value: present(message.value, flagValue),
    rolloutPercentage: message.rolloutPercentage ?? 0,
    experimentId: message.experimentId ?? '',
  };
}

function flagCondition(message: shellapps.experience.FlagCondition.$Properties): FlagCondition {
  return {
    attribute: message.attribute ?? '',
    operator: message.operator ?? '',
    values: message.values ?? [],
  };
}

function flagValue(message: shellapps.experience.FlagValue.$Properties): FlagValue {
  const { boolValue, stringValue, numberValue, jsonValue } = message;
  return {
    ...(boolValue != null && { boolValue }),
    ...(stringValue != null && { stringValue }),
    ...(numberValue != null && { numberValue }),
    ...(jsonValue != null && { jsonValue }),
  };
}

export function userFlagSet(message: shellapps.experience.UserFlagSet.$Properties): UserFlagSet {
  const flags: Record<string, FlagValue> = {};
  for (const [key, value] of Object.entries(message.flags ?? {})) own(flags, key, flagValue(value));
  return {
    profileId: message.profileId ?? '',
    appId: message.appId ?? '',
    flags,
    computedAt: message.computedAt ?? 0,
  };
}

function present<From, To>(message: From | null | undefined, read: (message: From) => To): To | undefined {
  return message == null ? undefined : read(message);
}
