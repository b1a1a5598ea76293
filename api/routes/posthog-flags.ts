import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { PlatformError } from '../../domain/errors.js';
import { LIMITS } from '../../domain/limits.js';
import { type Json, listOf, objectOf, textOf, tooDeep } from '../../domain/loose.js';
import { openTo } from '../access.js';
import { keyFromRequest } from '../auth-header.js';
import { postHogFlags } from '../flags/posthog-flags.js';
import type { FlagServing } from '../flags/serving.js';
import { inflated } from '../ingest/body.js';
import { keyIn, postHogBody } from '../ingest/posthog-body.js';
import { breather } from '../ingest/turns.js';
import { postHogDocs } from '../schema/posthog.js';
import { CONTEXT_BYTES } from './ofrep.js';

interface Deps {
  readonly serving: FlagServing;
}

/** What PostHog's libraries ask of flags. */
export function postHogFlagRoutes({ serving }: Deps): FastifyPluginAsync {
  async function flags(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const stated = keyFromRequest(request);
    const early = stated === undefined ? undefined : await serving.admitKey(request, stated);
    const bytes = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const encoding = request.headers['content-encoding'];
    const body = objectOf(await postHogBody(await inflated(bytes, encoding, CONTEXT_BYTES), breather()));
    const key = keyIn(body);
    const sender = early ?? (await serving.admitKey(request, typeof key === 'string' ? key : undefined));

    const externalId = textOf(body['distinct_id']);
    if (externalId === '' || externalId.length > LIMITS.mapValue)
      throw new PlatformError('REQUEST_INVALID', 'distinct_id is missing or too long');
    const { given, proof } = propertiesOf(objectOf(body['person_properties']));
    const answer = await serving.answer(sender, { externalId, given, proof, atLeast: 0 });
    serving.noteAll(sender, answer);
    const wanted = Array.isArray(body['flag_keys_to_evaluate']) ? listOf(body['flag_keys_to_evaluate']) : undefined;
    const result = postHogFlags(answer, wanted && new Set(wanted.map(textOf)));
    return reply.type('application/json; charset=utf-8').send(JSON.stringify({ ...result, requestId: request.id }));
  }

  return async (app) => {
    const options = { ...openTo('app-key'), helmet: false, bodyLimit: CONTEXT_BYTES } as const;
    app.post('/flags/', { ...options, schema: postHogDocs.flags }, flags);
    app.post('/flags', { ...options, schema: { hide: true } }, flags);
  };
}

/** Names with `$` are the library's own, and the id is no attribute. */
function propertiesOf(properties: Json): { readonly given: Json; readonly proof: string | undefined } {
  if (tooDeep(properties)) throw new PlatformError('REQUEST_INVALID', 'person_properties are nested too deeply');
  const { $identity_proof: proof } = properties;
  const entries = Object.entries(properties).filter(([name]) => !name.startsWith('$') && name !== 'distinct_id');
  return { given: Object.fromEntries(entries), proof: typeof proof === 'string' ? proof : undefined };
}
