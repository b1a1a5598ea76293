import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isAway } from '../db/away.js';
import { type ErrorCode, ERRORS, PlatformError } from '../domain/errors.js';
import { withoutKeys } from '../domain/key.js';

/** Fastify's own refusals under the names of our table. Its messages would repeat what the client has sent. */
const FASTIFY_REFUSALS = new Map<string, readonly [code: ErrorCode, detail: string]>([
  ['FST_ERR_CTP_BODY_TOO_LARGE', ['BODY_TOO_LARGE', 'the body is too large']],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', ['CONTENT_TYPE_UNSUPPORTED', 'the content type is not taken here']],
  ['FST_ERR_CTP_EMPTY_JSON_BODY', ['BODY_MALFORMED', 'the body is empty, and its content type is JSON']],
  ['FST_ERR_CTP_INVALID_JSON_BODY', ['BODY_MALFORMED', 'the body cannot be read as JSON']],
  ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', ['BODY_MALFORMED', 'the body is not as long as its Content-Length']],
  ['FST_ERR_BAD_URL', ['REQUEST_INVALID', 'the path is not percent-encoded as it should be']],
  ['FST_ERR_MAX_PARAM_LENGTH', ['REQUEST_INVALID', 'a part of the path is too long']],
]);

/** The one place where an error becomes an answer: problem+json (RFC 9457) with a code of ours. */
export function refuse(error: FastifyError | PlatformError, request: FastifyRequest, reply: FastifyReply): void {
  const refusal = error instanceof PlatformError ? error : isCutOff(request) ? cutOff(error) : asRefusal(error);
  const { status } = ERRORS[refusal.code];
  if (status >= 500) request.log.error({ err: error, code: refusal.code }, 'request failed');
  else request.log.info({ code: refusal.code, detail: refusal.message }, 'request refused');
  sendProblem(request, reply, refusal);
}

export function problems(app: FastifyInstance): void {
  app.setErrorHandler(refuse);
  app.setNotFoundHandler((request, reply) => {
    // Not which: a key may stand in the path.
    sendProblem(request, reply, new PlatformError('NOT_FOUND', 'no such route'));
  });
}

/** Whoever sent the body has hung up: nobody waits for the answer, and nothing went wrong here. */
const isCutOff = ({ raw }: FastifyRequest): boolean => raw.destroyed && !raw.complete;
const cutOff = (cause: Error) => new PlatformError('BODY_MALFORMED', 'the body ended before it was whole', { cause });

function asRefusal(error: FastifyError): PlatformError {
  const known = FASTIFY_REFUSALS.get(error.code);
  if (known !== undefined) return new PlatformError(...known, { cause: error });
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
): void {
  const { status } = ERRORS[code];
  if (retryAfterSeconds !== undefined) void reply.header('retry-after', String(retryAfterSeconds));
  void reply
    .code(status)
    .type('application/problem+json; charset=utf-8')
    .send(
      // A text of a refusal may name what was asked for, and that may be a key in the wrong place.
      withoutKeys(
        JSON.stringify({
          type: 'about:blank',
          title: STATUS_CODES[status],
          status,
          code,
          detail: message,
          instance: request.id,
          ...facts,
        }),
      ),
    );
}
