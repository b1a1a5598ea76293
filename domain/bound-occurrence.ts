import { cutText, DAY_MS, LIMITS } from './limits.js';
import type { Breadcrumb, Exception, FrameContext, Occurrence, StackFrame } from './occurrence.js';

/** An error with all its fields is never larger than this as a document. */
export const ERROR_BYTES = 512 * 1024;

interface Bounds {
  readonly message: number;
  readonly stack: number;
  readonly exceptionValue: number;
  readonly exceptions: number;
  /** Of all exceptions together. */
  readonly frames: number;
  readonly contextLines: number;
  readonly breadcrumbs: number;
}

export const WIDE: Bounds = {
  message: 16 * 1024,
  stack: 256 * 1024,
  exceptionValue: 16 * 1024,
  exceptions: 10,
  frames: 250,
  contextLines: 5,
  breadcrumbs: 100,
};
/** What fits whatever it holds; for the few that are too large as a whole although no field is. */
const TIGHT: Bounds = {
  message: 16 * 1024,
  stack: 32 * 1024,
  exceptionValue: 2 * 1024,
  exceptions: 10,
  frames: 30,
  contextLines: 0,
  breadcrumbs: 10,
};

export const FRAME_TEXT = 1024;
export const CONTEXT_LINE = 256;
export const NAME = 200;
export const BREADCRUMB_DATA = { entries: 16, value: 256 };
export const FLAGS = { entries: 200, value: 256 };
export const TAGS = { entries: LIMITS.mapEntries, value: LIMITS.mapValue };
export const FINGERPRINT_PARTS = 16;

export interface BoundOccurrence extends Occurrence {
  /** The client's time where `timestampMs` is the time of receipt instead. */
  readonly sentTimestampMs?: number;
  /** Names of the fields that were cut. */
  readonly truncated: readonly string[];
}

interface When {
  readonly now: number;
  readonly retentionDays: number;
  /** Fields that were cut before, see `trimOccurrence`. */
  readonly cut?: ReadonlySet<string>;
}

/**
 * An occurrence within bounds: whatever is too long is cut and named in `truncated`, a time that is missing or absurd
 * becomes the time of receipt. Nothing is refused: who throws an error gets no second try.
 * @param tight for one that is over `ERROR_BYTES` otherwise
 */
export function boundOccurrence(
  occurrence: Occurrence,
  { now, retentionDays, cut: cutBefore = NONE }: When,
  tight: boolean = false,
): BoundOccurrence {
  const bounds = tight ? TIGHT : WIDE;
  const truncated = new Set(cutBefore);

  const text = (field: string, value: string, limit: number): string => {
    const cut = cutText(value, limit);
    if (cut.length < value.length) truncated.add(field);
    return cut;
  };
  const list = <T>(field: string, items: readonly T[], most: number): readonly T[] => {
    if (items.length <= most) return items;
    truncated.add(field);
    return items.slice(0, most);
  };
  const map = (
    field: string,
    values: Readonly<Record<string, string>>,
    most: { readonly entries: number; readonly value: number },
  ): Readonly<Record<string, string>> => {
    const entries = list(field, Object.entries(values), most.entries);
    // NUL: BSON cannot hold it in a name.
    return Object.fromEntries(
      entries.map(([key, value]) => [
        text(field, key.replaceAll('\0', '\uFFFD'), NAME),
        text(field, value, most.value),
      ]),
    );
  };

  const context = ({ before, line, after }: FrameContext): FrameContext => ({
    before: before.slice(-bounds.contextLines).map((each) => cutText(each, CONTEXT_LINE)),
    line: cutText(line, CONTEXT_LINE),
    after: after.slice(0, bounds.contextLines).map((each) => cutText(each, CONTEXT_LINE)),
  });
  const frame = ({ context: around, debugId, ...rest }: StackFrame): StackFrame => ({
    ...rest,
    file: text('exceptions', rest.file, FRAME_TEXT),
    module: text('exceptions', rest.module, FRAME_TEXT),
    function: text('exceptions', rest.function, FRAME_TEXT),
    line: count(rest.line),
    column: count(rest.column),
    ...(around !== undefined && bounds.contextLines > 0 && { context: context(around) }),
    ...(debugId !== undefined && { debugId: cutText(debugId, NAME) }),
  });

  let framesLeft = bounds.frames;
  const exception = ({ type, value, synthetic, handled, frames }: Exception): Exception => {
    const kept = list('exceptions', frames, framesLeft);
    framesLeft -= kept.length;
    return {
      type: text('exceptions', type, NAME),
      value: text('exceptions', value, bounds.exceptionValue),
      synthetic,
      handled,
      frames: kept.map(frame),
    };
  };
  const breadcrumb = ({ timestampMs, category, message, data }: Breadcrumb): Breadcrumb => ({
    timestampMs: Number.isFinite(timestampMs) ? timestampMs : 0,
    category: text('breadcrumbs', category, NAME),
    message: text('breadcrumbs', message, LIMITS.mapValue),
    data: map('breadcrumbs', data, BREADCRUMB_DATA),
  });

  const { pageContext: page, browserContext: browser, flags } = occurrence;
  const result: Omit<BoundOccurrence, 'truncated'> = {
    // One that is too long is its own hash for who stores it: cutting could make two of them one.
    errorId: occurrence.errorId,
    profileId: text('profileId', occurrence.profileId, LIMITS.mapValue),
    sessionId: text('sessionId', occurrence.sessionId, NAME),
    ...timeOf(occurrence.timestampMs, now, retentionDays),
    errorType: text('errorType', occurrence.errorType, NAME),
    message: text('message', occurrence.message, bounds.message),
    stackTrace: text('stackTrace', occurrence.stackTrace, bounds.stack),
    sourceFile: text('sourceFile', occurrence.sourceFile, LIMITS.url),
    line: count(occurrence.line),
    column: count(occurrence.column),
    severity: occurrence.severity,
    userComment: text('userComment', occurrence.userComment, LIMITS.text),
    tags: map('tags', occurrence.tags, TAGS),
    // The newest tell most.
    breadcrumbs: list('breadcrumbs', occurrence.breadcrumbs.toReversed(), bounds.breadcrumbs)
      .map(breadcrumb)
      .toReversed(),
    pageUrl: text('pageUrl', occurrence.pageUrl, LIMITS.url),
    pageContext: page && {
      path: text('pageContext', page.path, LIMITS.url),
      title: text('pageContext', page.title, LIMITS.mapValue),
      referrer: text('pageContext', page.referrer, LIMITS.url),
      viewportWidth: count(page.viewportWidth),
      viewportHeight: count(page.viewportHeight),
      loadTimeMs: count(page.loadTimeMs),
    },
    browserContext: browser && {
      userAgent: text('browserContext', browser.userAgent, LIMITS.mapValue),
      browser: text('browserContext', browser.browser, NAME),
      browserVersion: text('browserContext', browser.browserVersion, NAME),
      os: text('browserContext', browser.os, NAME),
      deviceType: text('browserContext', browser.deviceType, NAME),
      screenWidth: count(browser.screenWidth),
      screenHeight: count(browser.screenHeight),
    },
    release: text('release', occurrence.release, NAME),
    environment: text('environment', occurrence.environment, NAME),
    flags: flags && map('flags', flags, FLAGS),
    exceptions: list('exceptions', occurrence.exceptions, bounds.exceptions).map(exception),
    fingerprint: list('fingerprint', occurrence.fingerprint, FINGERPRINT_PARTS).map((part) =>
      text('fingerprint', part, LIMITS.mapValue),
    ),
    sdk: text('sdk', occurrence.sdk, NAME),
  };
  return { ...result, truncated: [...truncated].sort() };
}

const NONE: ReadonlySet<string> = new Set();

const count = (value: number): number => (Number.isSafeInteger(value) && value > 0 ? value : 0);

function timeOf(
  sent: number,
  now: number,
  retentionDays: number,
): Pick<BoundOccurrence, 'timestampMs' | 'sentTimestampMs'> {
  const isSound = Number.isFinite(sent) && sent > now - retentionDays * DAY_MS && sent <= now + LIMITS.aheadMs;
  if (isSound && sent > 0) return { timestampMs: Math.floor(sent) };
  return { timestampMs: now, ...(Number.isFinite(sent) && sent !== 0 && { sentTimestampMs: sent }) };
}
