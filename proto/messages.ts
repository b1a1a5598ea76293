import type { BrowserContext, PageContext } from '../domain/contexts.js';
import type { ElementContext, TrackEvent } from '../domain/event.js';
import type { HeatmapEvent } from '../domain/heatmap-event.js';
import type { Breadcrumb } from '../domain/occurrence.js';

export type { Breadcrumb, BrowserContext, ElementContext, HeatmapEvent, PageContext, TrackEvent };

/**
 * The messages as the rest of the code sees them: plain objects in which every field is present, int64 as `number`.
 * Absent means `''`, `0`, `false`, `{}` or `[]`, and `undefined` for a message. An int64 beyond 2^53 is `NaN`, never a
 * rounded number: who validates refuses it by name instead of storing another value than was sent.
 */
export interface EventBatch {
  readonly events: readonly TrackEvent[];
  readonly heatmapEvents: readonly HeatmapEvent[];
}

export interface IngestResponse {
  readonly success: boolean;
  readonly eventsAccepted: number;
  readonly eventsRejected: number;
}

/** An open enum, as in proto3: a number that a newer client knows and we do not stays what it is. */
export const Severity = { INFO: 0, WARNING: 1, ERROR: 2, FATAL: 3 } as const;

export interface ErrorEvent {
  readonly errorId: string;
  readonly appId: string;
  readonly profileId: string;
  readonly sessionId: string;
  readonly timestampMs: number;
  readonly errorType: string;
  readonly message: string;
  readonly stackTrace: string;
  readonly sourceFile: string;
  readonly line: number;
  readonly column: number;
  readonly pageContext: PageContext | undefined;
  readonly browserContext: BrowserContext | undefined;
  readonly userComment: string;
  /** One of `Severity`, or any other int32. */
  readonly severity: number;
  readonly tags: StringMap;
  readonly breadcrumbs: readonly Breadcrumb[];
  readonly release: string;
  readonly environment: string;
}

export interface ErrorBatch {
  readonly errors: readonly ErrorEvent[];
}

export const FlagType = { BOOLEAN: 0, STRING: 1, NUMBER: 2, JSON: 3 } as const;

/** At most one of the four is there. */
export interface FlagValue {
  readonly boolValue?: boolean;
  readonly stringValue?: string;
  readonly numberValue?: number;
  readonly jsonValue?: string;
}

export interface FlagCondition {
  readonly attribute: string;
  readonly operator: string;
  readonly values: readonly string[];
}

export interface FlagRule {
  readonly ruleId: string;
  readonly priority: number;
  readonly conditions: readonly FlagCondition[];
  readonly value: FlagValue | undefined;
  readonly rolloutPercentage: number;
  readonly experimentId: string;
}

export interface FeatureFlag {
  readonly flagId: string;
  readonly appId: string;
  readonly key: string;
  readonly description: string;
  /** One of `FlagType`, or any other int32. */
  readonly type: number;
  readonly defaultValue: FlagValue | undefined;
  readonly rules: readonly FlagRule[];
  readonly enabled: boolean;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface UserFlagSet {
  readonly profileId: string;
  readonly appId: string;
  readonly flags: Readonly<Record<string, FlagValue>>;
  readonly computedAt: number;
}

/** Any key is data and an own property: also `__proto__`, `constructor`, `$x`, `a.b` and the empty one. */
export type StringMap = Readonly<Record<string, string>>;

/** Stands in a JSON batch where an item has a value of the wrong type: it costs that item, not the batch. */
export interface InvalidItem {
  /** `field` is the path to the value by its JSON names, `''` for the item itself: `pageContext.loadTimeMs`. */
  readonly invalid: { readonly field: string };
}

/** One item of an `EventBatch` and where it stands, from protobuf or from JSON. */
export type ReceivedEvent =
  | { readonly list: 'events'; readonly index: number; readonly item: TrackEvent | InvalidItem }
  | { readonly list: 'heatmapEvents'; readonly index: number; readonly item: HeatmapEvent | InvalidItem };

/** As `ReceivedEvent`, of an `ErrorBatch`. */
export interface ReceivedError {
  readonly list: 'errors';
  readonly index: number;
  readonly item: ErrorEvent | InvalidItem;
}

/** All items of an `EventBatch`. */
export interface ReceivedEventBatch {
  readonly events: readonly (TrackEvent | InvalidItem)[];
  readonly heatmapEvents: readonly (HeatmapEvent | InvalidItem)[];
}

export interface ReceivedErrorBatch {
  readonly errors: readonly (ErrorEvent | InvalidItem)[];
}

export function isInvalidItem(item: object): item is InvalidItem {
  return 'invalid' in item;
}

/** What can be encoded: any field may be left out. */
export type Sparse<T> = T extends readonly (infer Item)[]
  ? readonly Sparse<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: Sparse<T[Key]> | undefined }
    : T;

export interface BatchLimits {
  /** More items than this in one batch are refused with `BATCH_TOO_LARGE` before the rest is looked at. */
  readonly maxItems?: number;
}
