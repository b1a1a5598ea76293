import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ChangedBy } from '../../db/flag-commit.js';
import { PlatformError } from '../../domain/errors.js';
import { jsonFaultSteps } from '../../domain/json-value.js';
import type { Guard } from '../access.js';
import { actorOf } from '../auth-member.js';
import { parseJson } from '../ingest/json-body.js';
import { breather, steadily } from '../ingest/turns.js';

/** What a value of a flag may hold: any name, also `__proto__`, which is only a name in JSON. */
export function takeAnyJson(app: FastifyInstance): void {
  app.removeContentTypeParser('application/json');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, async (_request: FastifyRequest, text: string) =>
    parseJson(text, breather(), 'all'),
  );
  // Before anything walks it by recursion.
  app.addHook('preValidation', async (request) => {
    // A verb may be said without a word.
    request.body ??= {};
    const fault = await steadily(jsonFaultSteps(request.body), breather());
    if (fault !== undefined) throw new PlatformError('REQUEST_INVALID', `body${fault.path} ${fault.why}`);
  });
}

/** Who asks for it, in which app, and why. */
export function changedBy(guard: Guard, request: FastifyRequest, note: string | undefined): ChangedBy {
  const { member, app } = guard.appOf(request);
  return { actor: actorOf(member), appId: app.id, app: app.appId, note };
}

/** @throws APPROVAL_REQUIRED in an app where a change needs two people: there it is asked for, not made. */
export function changedDirectly(guard: Guard, request: FastifyRequest, note: string | undefined): ChangedBy {
  if (guard.appOf(request).app.config.flags.approval) {
    const how = 'a change of flags needs a second person in this app: ask for it by flag-requests';
    throw new PlatformError('APPROVAL_REQUIRED', how);
  }
  return changedBy(guard, request, note);
}

const VERSION = /^"(\d{1,10})"$/;

/** The version that `If-Match` names; none where it names any. @throws REQUEST_INVALID */
export function ifMatch({ headers }: Pick<FastifyRequest, 'headers'>): number | undefined {
  const given = headers['if-match'];
  if (given === undefined || given === '*') return undefined;
  const version = VERSION.exec(given)?.[1];
  if (version !== undefined) return Number(version);
  throw new PlatformError('REQUEST_INVALID', 'If-Match takes one ETag as it was given, such as "3"');
}

export const withVersion = (reply: FastifyReply, version: number): FastifyReply =>
  reply.header('etag', `"${String(version)}"`);
