import type { FastifyPluginAsync } from 'fastify';
import { PlatformError } from '../../domain/errors.js';
import { isKnownBy, versionSeen } from '../flags/etag.js';
import { etagOf, setAsJson, setAsMessage } from '../flags/rendering.js';
import type { FlagServing } from '../flags/serving.js';
import type { People } from '../ingest/people.js';
import { flagSetDocs, FlagSetQuery } from '../schema/flag-set.js';
import type { Senders } from '../senders.js';

interface Deps {
  readonly senders: Senders;
  readonly serving: FlagServing;
  readonly people: People;
  readonly now: () => number;
}

/** All flags of a profile. */
export function flagSetRoutes({ senders, serving, people, now }: Deps): FastifyPluginAsync {
  return async (app) => {
    app.get<{ Querystring: { profileId?: string } }>(
      '/v1/flags',
      { ...senders.byHead(), helmet: false, schema: { ...flagSetDocs, querystring: FlagSetQuery } },
      async (request, reply) => {
        const sender = senders.of(request);
        const { profileId: externalId = '' } = request.query;
        if (externalId === '') throw new PlatformError('REQUEST_INVALID', 'profileId is missing');
        const { 'if-none-match': known, 'x-identity-proof': proof, accept = '' } = request.headers;
        const answer = await serving.answer(sender, {
          externalId,
          given: {},
          proof: typeof proof === 'string' ? proof : undefined,
          atLeast: versionSeen(known),
        });
        serving.noteAll(sender, answer);
        const etag = etagOf(answer);
        // Weak: the time of its computation may differ between two that say the same.
        if (etag !== undefined) reply.header('etag', `W/${etag}`);
        reply.header('cache-control', 'private, no-cache').header('vary', 'Origin, Accept');
        if (isKnownBy(known, etag)) return reply.code(304).send();
        const { id } = sender.app;
        const profileId = answer.profileId ?? people.find(id, id.toHexString(), externalId).profileId;
        const at = new Date(now());
        return accept.includes('protobuf')
          ? reply.type('application/x-protobuf').send(Buffer.from(setAsMessage(answer, sender.app, profileId, at)))
          : reply.type('application/json; charset=utf-8').send(setAsJson(answer, sender.app, profileId, at));
      },
    );
  };
}
