import type { BrowserContext, PageContext } from './contexts.js';

/** Why no source map made a frame readable; absent where one did, or none is needed. */
export const UNRESOLVED_REASONS = [
  'NO_POSITION',
  'NO_RELEASE_OR_DEBUG_ID',
  'NO_SOURCE_MAP',
  'SOURCE_MAP_INVALID',
  'POSITION_NOT_IN_MAP',
] as const;
export type UnresolvedReason = (typeof UNRESOLVED_REASONS)[number];

/** Where a frame stood before a source map resolved it. */
export interface MinifiedPosition {
  readonly file: string;
  readonly function: string;
  readonly line: number;
  readonly column: number;
}

/** Source text around the line of a frame. */
export interface FrameContext {
  readonly before: readonly string[];
  readonly line: string;
  readonly after: readonly string[];
}

/** One call. Texts that are not known are `''`; `line` and `column` count from 1, 0 where not known. */
export interface StackFrame {
  /** URL or path as the client has it, or the original source after a source map. */
  readonly file: string;
  /** A module's name where the client gives one. */
  readonly module: string;
  readonly function: string;
  readonly line: number;
  readonly column: number;
  /** The app's own code, as against libraries, the runtime and extensions. */
  readonly inApp: boolean;
  readonly context?: FrameContext;
  /** Of the bundle that the frame lies in, lower-case UUID; the first key to a source map. */
  readonly debugId?: string;
  readonly minified?: MinifiedPosition;
  readonly unresolved?: UnresolvedReason;
}

export interface Exception {
  /** `TypeError`; `''` where the client has none. */
  readonly type: string;
  readonly value: string;
  /** Made up by the SDK for a message: its frames are those of the helper that was called. */
  readonly synthetic: boolean;
  /** Null where the client does not say. */
  readonly handled: boolean | null;
  /** The crash frame first, its oldest caller last. */
  readonly frames: readonly StackFrame[];
}

/**
 * Of lists that a source of occurrences need not read whole: one more than is kept of any, so that it is known to have
 * been cut. See `bound-occurrence.ts`.
 */
export const MOST_READ = {
  tags: 65,
  flags: 201,
  breadcrumbData: 17,
  breadcrumbs: 101,
  frames: 251,
  exceptions: 11,
} as const;

export const SEVERITIES = ['info', 'warning', 'error', 'fatal'] as const;
export type Severity = (typeof SEVERITIES)[number];

export interface Breadcrumb {
  readonly timestampMs: number;
  readonly category: string;
  readonly message: string;
  readonly data: Readonly<Record<string, string>>;
}

/**
 * One occurrence of an error as every source of them states it: `ErrorEvent`, a Sentry event, PostHog's `$exception`.
 * Nothing in it is trusted or bounded yet; `boundOccurrence` cuts it to size, and nothing is refused for its length.
 */
export interface Occurrence {
  /** The client's id, `''` where it has none: its content is its identity then. */
  readonly errorId: string;
  /** `''` where nobody is known: the occurrence counts, and as nobody's. */
  readonly profileId: string;
  readonly sessionId: string;
  /** As the client states it; 0 where it does not. The time of receipt stands in for one that is missing or absurd. */
  readonly timestampMs: number;
  readonly errorType: string;
  readonly message: string;
  /** The text of the stack where the client sends text; it is parsed when the occurrence is grouped. */
  readonly stackTrace: string;
  readonly sourceFile: string;
  readonly line: number;
  readonly column: number;
  readonly severity: Severity;
  readonly userComment: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly breadcrumbs: readonly Breadcrumb[];
  readonly pageUrl: string;
  readonly pageContext: PageContext | undefined;
  readonly browserContext: BrowserContext | undefined;
  readonly release: string;
  readonly environment: string;
  /** Flag values at that moment by flag key, as the client states them; undefined where it does not. */
  readonly flags: Readonly<Record<string, string>> | undefined;
  /** The thrown error first, then its causes in order; empty where the client sends only text. */
  readonly exceptions: readonly Exception[];
  /** The client's own grouping, may hold `{{ default }}`; empty for ours. */
  readonly fingerprint: readonly string[];
  /** What sent it, `sentry.javascript.node/11.12.0`. */
  readonly sdk: string;
}
