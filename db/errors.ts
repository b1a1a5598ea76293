import type { ObjectId } from 'mongodb';
import type { BrowserContext, PageContext } from '../domain/contexts.js';
import { KEPT_AS, type KeptAs } from '../domain/kept.js';
import {
  type Breadcrumb,
  type Exception,
  type FrameContext,
  type MinifiedPosition,
  SEVERITIES,
  type Severity,
  type StackFrame,
  UNRESOLVED_REASONS,
} from '../domain/occurrence.js';
import type { CollectionSpec } from './collection.js';
import { browserContext, pageContext } from './contexts.js';
import {
  arrayOf,
  boolean,
  date,
  documentOf,
  mapOf,
  nullable,
  number,
  objectId,
  oneOf,
  optional,
  string,
} from './json-schema.js';

/** One occurrence of an error. */
export interface ErrorDoc {
  readonly _id: ObjectId;
  readonly errorId: string;
  readonly appId: ObjectId;
  readonly groupFingerprint: string;
  readonly profileId: ObjectId;
  readonly sessionId: string;
  readonly timestampMs: number;
  /** `runtime`, `unhandled_rejection`, `network`, `render`, or what a public client names it. */
  readonly errorType: string;
  readonly message: string;
  readonly stackTrace: string;
  readonly sourceFile: string;
  readonly line: number;
  readonly column: number;
  readonly severity: Severity;
  readonly userComment: string | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly breadcrumbs: readonly Breadcrumb[];
  readonly pageContext: PageContext;
  readonly browserContext: BrowserContext;

  readonly receivedAt: Date;
  /** The client's time where `timestampMs` is the time of receipt instead. */
  readonly sentTimestampMs?: number;
  readonly pageUrl: string;
  readonly release: string;
  readonly environment: string;
  /** Flag values of its profile at that moment, by flag key. */
  readonly flags: Readonly<Record<string, string>>;
  /** The thrown error first, then its causes, symbolicated; from `stackTrace` where the client sent text. */
  readonly exceptions: readonly Exception[];
  readonly clientFingerprint: readonly string[];
  readonly sdk: string;
  /** Fields that were cut to their bound. */
  readonly truncated: readonly string[];
  /** The group of its own fingerprint; whether that is merged into another stands there. */
  readonly groupId: ObjectId;
  /** How many occurrences of its fingerprint there were with it. */
  readonly ordinal: number;
  readonly keptAs: KeptAs;
}

/** An occurrence as it waits in the spool: all that does not depend on others. */
export type PendingError = Omit<ErrorDoc, 'groupFingerprint' | 'groupId' | 'ordinal' | 'keptAs' | 'flags'> & {
  /** Absent where the client did not say: then those of its profile, when it is stored, are taken. */
  readonly flags?: Readonly<Record<string, string>>;
};

const frame = documentOf<StackFrame>({
  file: string,
  module: string,
  function: string,
  line: number,
  column: number,
  inApp: boolean,
  context: optional(documentOf<FrameContext>({ before: arrayOf(string), line: string, after: arrayOf(string) })),
  debugId: optional(string),
  minified: optional(documentOf<MinifiedPosition>({ file: string, function: string, line: number, column: number })),
  unresolved: optional(oneOf(UNRESOLVED_REASONS)),
});

export const errorsSpec: CollectionSpec = {
  name: 'errors',
  indexes: [
    { key: { appId: 1, groupFingerprint: 1 }, name: 'by_app_fingerprint' },
    { key: { appId: 1, timestampMs: 1 }, name: 'by_app_time' },
    { key: { appId: 1, severity: 1 }, name: 'by_app_severity' },
    { key: { appId: 1, errorId: 1 }, name: 'once_per_app', unique: true },
    { key: { groupId: 1, ordinal: 1 }, name: 'by_group' },
  ],
  jsonSchema: documentOf<ErrorDoc>({
    _id: objectId,
    errorId: string,
    appId: objectId,
    groupFingerprint: string,
    profileId: objectId,
    sessionId: string,
    timestampMs: number,
    errorType: string,
    message: string,
    stackTrace: string,
    sourceFile: string,
    line: number,
    column: number,
    severity: oneOf(SEVERITIES),
    userComment: nullable(string),
    tags: mapOf(string),
    breadcrumbs: arrayOf(
      documentOf<Breadcrumb>({ timestampMs: number, category: string, message: string, data: mapOf(string) }),
    ),
    pageContext,
    browserContext,
    receivedAt: date,
    sentTimestampMs: optional(number),
    pageUrl: string,
    release: string,
    environment: string,
    flags: mapOf(string),
    exceptions: arrayOf(
      documentOf<Exception>({
        type: string,
        value: string,
        synthetic: boolean,
        handled: nullable(boolean),
        frames: arrayOf(frame),
      }),
    ),
    clientFingerprint: arrayOf(string),
    sdk: string,
    truncated: arrayOf(string),
    groupId: objectId,
    ordinal: number,
    keptAs: oneOf(KEPT_AS),
  }),
};
