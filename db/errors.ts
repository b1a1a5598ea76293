import type { ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { browserContext, pageContext, type BrowserContextDoc, type PageContextDoc } from './contexts.js';
import { arrayOf, documentOf, mapOf, nullable, number, objectId, oneOf, string } from './json-schema.js';

const SEVERITIES = ['info', 'warning', 'error', 'fatal'] as const;

interface BreadcrumbDoc {
  readonly timestampMs: number;
  readonly category: string;
  readonly message: string;
  readonly data: Readonly<Record<string, string>>;
}

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
  readonly severity: (typeof SEVERITIES)[number];
  readonly userComment: string | null;
  readonly tags: Readonly<Record<string, string>>;
  readonly breadcrumbs: readonly BreadcrumbDoc[];
  readonly pageContext: PageContextDoc;
  readonly browserContext: BrowserContextDoc;
}

export const errorsSpec: CollectionSpec = {
  name: 'errors',
  indexes: [
    { key: { appId: 1, groupFingerprint: 1 }, name: 'by_app_fingerprint' },
    { key: { appId: 1, timestampMs: 1 }, name: 'by_app_time' },
    { key: { appId: 1, severity: 1 }, name: 'by_app_severity' },
    { key: { appId: 1, errorId: 1 }, name: 'once_per_app', unique: true },
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
      documentOf<BreadcrumbDoc>({ timestampMs: number, category: string, message: string, data: mapOf(string) }),
    ),
    pageContext,
    browserContext,
  }),
};
