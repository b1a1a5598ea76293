import type { FastifyInstance } from 'fastify';
import { PlatformError } from '../domain/errors.js';
import { sizeOfJson } from '../domain/json-text.js';
import { LIMITS } from '../domain/limits.js';

/** JSON of people: as Fastify reads it, but none that is nested more deeply than anybody means it. */
export function takeJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    const fault = depthFault(body);
    if (fault === undefined) void parse(request, body, done);
    else done(fault);
  });
}

function depthFault(text: string): PlatformError | undefined {
  try {
    if (!sizeOfJson(text).isTooDeep) return undefined;
    return new PlatformError('BODY_MALFORMED', `JSON is at most ${String(LIMITS.jsonLevels)} levels deep`);
  } catch (cause) {
    return new PlatformError('BODY_MALFORMED', 'the body cannot be read as JSON', { cause });
  }
}
