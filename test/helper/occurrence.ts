import type { Occurrence, StackFrame } from '../../domain/occurrence.js';

/** An occurrence that says nothing but what it is told to. */
export const occurrenceOf = (fields: Partial<Occurrence> = {}): Occurrence => ({
  errorId: 'error-1',
  profileId: 'user-1',
  sessionId: 'session-1',
  timestampMs: 1_700_000_000_000,
  errorType: '',
  message: '',
  stackTrace: '',
  sourceFile: '',
  line: 0,
  column: 0,
  severity: 'error',
  userComment: '',
  tags: {},
  breadcrumbs: [],
  pageUrl: '',
  pageContext: undefined,
  browserContext: undefined,
  release: '',
  environment: '',
  flags: undefined,
  exceptions: [],
  fingerprint: [],
  sdk: '',
  ...fields,
});

export const frameOf = (file: string): StackFrame => ({
  file,
  module: '',
  function: '',
  line: 1,
  column: 1,
  inApp: true,
});
