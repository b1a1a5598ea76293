import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { PlatformError } from '../../domain/errors.js';
import { withoutKeys } from '../../domain/key.js';
import type { AppKey } from '../auth.js';
import { keyFromRequest } from '../auth-header.js';
import { isKnownBy, versionSeen } from '../flags/etag.js';
import { type ContextFault, type OfrepContext, readContext } from '../flags/ofrep-context.js';
import { allEvaluations, etagOf, oneEvaluation } from '../flags/rendering.js';
import type { FlagServing } from '../flags/serving.js';
import { streamUrl } from '../flags/stream-url.js';
import { inflated } from '../ingest/body.js';
import { ofrepDocs } from '../schema/ofrep.js';
import type { Senders } from '../senders.js';

interface Deps {
  readonly senders: Senders;
  readonly serving: FlagServing;
  /** Where this instance is reached, if it knows. */
  readonly publicUrl: string | undefined;
}

const JSON_TYPE = 'application/json; charset=utf-8';
/** A context is small. */
export const CONTEXT_BYTES = 256 * 1024;

/** OpenFeature's remote evaluation protocol, for its unmodified providers. */
export function ofrepRoutes({ senders, serving, publicUrl }: Deps): FastifyPluginAsync {
  async function contextOf(request: FastifyRequest): Promise<OfrepContext | ContextFault> {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    try {
      return await readContext(await inflated(body, request.headers['content-encoding'], CONTEXT_BYTES));
    } catch (error) {
      if (!(error instanceof PlatformError) || error.code !== 'BODY_MALFORMED') throw error;
      return { errorCode: 'PARSE_ERROR', errorDetails: error.message };
    }
  }

  const answerFor = (
    sender: AppKey,
    { headers, query }: FastifyRequest,
    { targetingKey, given }: OfrepContext,
  ): ReturnType<FlagServing['answer']> => {
    const proof = headers['x-identity-proof'];
    return serving.answer(sender, {
      externalId: targetingKey,
      given,
      proof: typeof proof === 'string' ? proof : undefined,
      atLeast: versionSeen(headers['if-none-match'], (query as { readonly flagConfigEtag?: unknown }).flagConfigEtag),
    });
  };

  const refuse = (reply: FastifyReply, status: 400 | 404, refusal: object): FastifyReply =>
    reply
      .code(status)
      .type(JSON_TYPE)
      .send(withoutKeys(JSON.stringify(refusal)));

  /** What the provider listens on, so that it asks again by itself. A server key is a secret, and not for URLs. */
  function eventStreams(sender: AppKey, request: FastifyRequest, version: number): string {
    const key = sender.kind === 'client' ? keyFromRequest(request) : undefined;
    const url = streamUrl(request, { publicUrl, key, since: version });
    return url === undefined ? '' : `,"eventStreams":[{"type":"sse","url":${JSON.stringify(url)}}]`;
  }

  async function all(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const sender = senders.of(request);
    const context = await contextOf(request);
    if ('errorCode' in context) return refuse(reply, 400, context);
    const answer = await answerFor(sender, request, context);
    serving.noteAll(sender, answer);
    const etag = etagOf(answer);
    if (etag !== undefined) reply.header('etag', etag);
    if (isKnownBy(request.headers['if-none-match'], etag)) return reply.code(304).send();
    // The version stands here and in no flag: providers compare flags whole, and report those that differ as changed.
    const version = `"metadata":{"version":${String(answer.version)}}`;
    const streams = eventStreams(sender, request, answer.version);
    return reply.type(JSON_TYPE).send(`{"flags":${allEvaluations(answer)},${version}${streams}}`);
  }

  async function one(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const sender = senders.of(request);
    const { '*': key } = request.params as { readonly '*': string };
    const context = await contextOf(request);
    if ('errorCode' in context) return refuse(reply, 400, { key, ...context });
    const answer = await answerFor(sender, request, context);
    const found = oneEvaluation(answer, key);
    if (found === undefined) {
      return refuse(reply, 404, { key, errorCode: 'FLAG_NOT_FOUND', errorDetails: 'there is no such flag' });
    }
    serving.noteOne(sender, answer, key);
    return reply
      .code(found.isError ? 400 : 200)
      .type(JSON_TYPE)
      .send(found.text);
  }

  return async (app) => {
    const options = { ...senders.byHead(), helmet: false, bodyLimit: CONTEXT_BYTES } as const;
    app.post('/ofrep/v1/evaluate/flags', { ...options, schema: ofrepDocs.bulk }, all);
    app.post('/ofrep/v1/evaluate/flags/*', { ...options, schema: ofrepDocs.single }, one);
  };
}
