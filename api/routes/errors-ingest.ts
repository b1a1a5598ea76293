import type { FastifyPluginAsync } from 'fastify';
import { type Occurrence, SEVERITIES } from '../../domain/occurrence.js';
import { type ErrorEvent, errorsInBytes, errorsInJson } from '../../proto/codec.js';
import { type IngestDeps, ownBatches } from '../ingest/own-batches.js';
import { ingestDocs } from '../schema/ingest.js';

/** `ErrorBatch`. */
export const errorIngestRoutes = (deps: IngestDeps): FastifyPluginAsync =>
  ownBatches(deps, {
    path: '/v1/errors',
    kind: 'errors',
    schema: ingestDocs.errors,
    inJson: errorsInJson,
    inBytes: errorsInBytes,
    add: (builder, { list, index, item }) => builder.error(list, index, occurrenceOf(item), item.appId),
  });

/** What a client of ours states. Its `tags` stand in where a field is younger than the client. */
export function occurrenceOf(event: ErrorEvent): Occurrence {
  const { tags, pageContext } = event;
  return {
    errorId: event.errorId,
    profileId: event.profileId,
    sessionId: event.sessionId,
    timestampMs: event.timestampMs,
    errorType: event.errorType,
    message: event.message,
    stackTrace: event.stackTrace,
    sourceFile: event.sourceFile,
    line: event.line,
    column: event.column,
    severity: SEVERITIES[event.severity] ?? 'error',
    userComment: event.userComment,
    tags,
    breadcrumbs: event.breadcrumbs,
    pageUrl: pageContext?.path ?? '',
    pageContext,
    browserContext: event.browserContext,
    release: event.release || (tags['release'] ?? ''),
    environment: event.environment || (tags['environment'] ?? ''),
    flags: undefined,
    exceptions: [],
    fingerprint: [],
    sdk: '',
  };
}
