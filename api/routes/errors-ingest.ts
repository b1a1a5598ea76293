import type { FastifyPluginAsync, FastifyRequest } from 'fastify';
import type { App } from '../../db/apps.js';
import type { Batch } from '../../db/batch.js';
import { LIMITS } from '../../domain/limits.js';
import { type Occurrence, SEVERITIES } from '../../domain/occurrence.js';
import { type ErrorEvent, errorsInBytes, errorsInJson, isInvalidItem, jsonText } from '../../proto/codec.js';
import { openTo } from '../access.js';
import type { AppKeyAuth } from '../auth.js';
import { batchBuilder } from '../ingest/batch-builder.js';
import { type Format, formatOf } from '../ingest/body.js';
import { idempotencyKeyOf, type Intake, sendAnswer } from '../ingest/intake.js';
import { parseJson } from '../ingest/json-body.js';
import type { People } from '../ingest/people.js';
import { breather } from '../ingest/turns.js';
import { ingestDocs } from '../schema/ingest.js';

interface Deps {
  readonly auth: AppKeyAuth;
  readonly intake: Intake;
  readonly people: People;
  readonly now: () => number;
}

/** `ErrorBatch` as protobuf or proto3 JSON. */
export function errorIngestRoutes({ auth, intake, people, now }: Deps): FastifyPluginAsync {
  const batchOf = async (request: FastifyRequest, app: App, body: Buffer, format: Format): Promise<Batch> => {
    const limits = { maxItems: LIMITS.batchItems };
    const breathe = breather();
    const received =
      format === 'json' ? errorsInJson(await parseJson(jsonText(body), breathe), limits) : errorsInBytes(body, limits);
    const builder = batchBuilder({ app, people, now: now(), breathe });
    for (const each of received) {
      const pause = breathe();
      if (pause !== undefined) await pause;
      if (each === undefined) continue;
      const { list, index, item } = each;
      if (isInvalidItem(item)) builder.reject(list, index, { code: 'FIELD_INVALID', field: item.invalid.field });
      else await builder.error(list, index, occurrenceOf(item), item.appId);
    }
    return builder.finish({ kind: 'errors', format, idempotencyKey: idempotencyKeyOf(request), body });
  };

  return async (app) => {
    app.post(
      '/v1/errors',
      { ...openTo('app-key'), helmet: false, schema: ingestDocs.errors },
      async (request, reply) => {
        const sender = await auth.authenticate(request);
        await intake.admit(sender, 'errors');
        const body = await intake.body(request);
        const format = formatOf(request.headers['content-type'], body);
        const batch = await batchOf(request, sender.app, body, format);
        return sendAnswer(request, reply, await intake.take(sender, batch), format);
      },
    );
  };
}

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
