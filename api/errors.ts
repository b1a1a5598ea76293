import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isAway } from '../db/away.js';
import { type ErrorCode, ERRORS, PlatformError } from '../domain/errors.js';

/** Fastify's own refusals under the names of our table. */
const FASTIFY_CODES: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  ['FST_ERR_CTP_BODY_TOO_LARGE', 'BODY_TOO_LARGE'],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'CONTENT_TYPE_UNSUPPORTED'],
  ['FST_ERR_CTP_EMPTY_JSON_BODY', 'BODY_MALFORMED'],
  ['FST_ERR_CTP_INVALID_JSON_BODY', 'BODY_MALFORMED'],
  ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', 'BODY_MALFORMED'],
  ['FST_ERR_VALIDATION', 'REQUEST_INVALID'],
]);

/** The one place where an error becomes an answer: problem+json (RFC 9457) with a code of ours. */
export function problems(app: FastifyInstance): void {
  app.setErrorHandler((error: FastifyError | PlatformError, request, reply) => {
    const refusal = error instanceof PlatformError ? error : isCutOff(request) ? cutOff(error) : asRefusal(error);
    const { status } = ERRORS[refusal.code];
    if (status >= 500) request.log.error({ err: error, code: refusal.code }, 'request failed');
    else request.log.info({ code: refusal.code, detail: refusal.message }, 'request refused');
    return sendProblem(request, reply, refusal);
  });
  app.setNotFoundHandler((request, reply) =>
    sendProblem(request, reply, new PlatformError('NOT_FOUND', `no route ${request.method} ${pathOf(request)}`)),
  );
}

/** Whoever sent the body has hung up: nobody waits for the answer, and nothing went wrong here. */
const isCutOff = ({ raw }: FastifyRequest): boolean => raw.destroyed && !raw.complete;
const cutOff = (cause: Error) => new PlatformError('BODY_MALFORMED', 'the body ended before it was whole', { cause });

/** Without the query: a key may stand there. */
export const pathOf = ({ url }: Pick<FastifyRequest, 'url'>): string => url.split('?', 1)[0] ?? '';

function asRefusal(error: FastifyError): PlatformError {
  const known = FASTIFY_CODES.get(error.code);
  if (known !== undefined) return new PlatformError(known, error.message, { cause: error });
  if (isAway(error)) {
    const how = { cause: error, retryAfterSeconds: 2 };
    return new PlatformError('UNAVAILABLE', 'the database does not answer', how);
  }
  const { statusCode = 500 } = error;
  if (statusCode >= 400 && statusCode < 500)
    return new PlatformError('REQUEST_INVALID', error.message, { cause: error });
  // What went wrong inside is for the log; the client gets the request's id to ask about.
  return new PlatformError('INTERNAL', 'something went wrong here', { cause: error });
}

function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  { code, message, retryAfterSeconds, facts }: PlatformError,
) {
  const { status } = ERRORS[code];
  if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
  return reply
    .code(status)
    .type('application/problem+json; charset=utf-8')
    .send(
      JSON.stringify({
        type: 'about:blank',
        title: STATUS_CODES[status],
        status,
        code,
        detail: message,
        instance: request.id,
        ...facts,
      }),
    );
}
