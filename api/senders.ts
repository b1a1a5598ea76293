import { Readable } from 'node:stream';
import type { FastifyRequest, preParsingAsyncHookHandler } from 'fastify';
import { PlatformError } from '../domain/errors.js';
import type { KeyPlaces } from '../domain/key-scanner.js';
import { openTo, type RouteAccess } from './access.js';
import type { AppKey, AppKeyAuth } from './auth.js';
import { keyFromRequest } from './auth-header.js';
import { type BodyPace, PACE } from './body-pace.js';
import type { Strangers } from './ingest/strangers.js';

interface Deps {
  readonly auth: AppKeyAuth;
  readonly strangers: Strangers;
  readonly pace: Pick<BodyPace, 'allow'>;
  /** May this sender send now? @throws RATE_LIMITED */
  readonly limit: (request: FastifyRequest, sender: AppKey) => void;
}

type KeyOf = (request: FastifyRequest) => string | undefined;

/** What a route spreads into its options. */
interface SenderAccess extends RouteAccess {
  readonly preParsing?: preParsingAsyncHookHandler;
}

/**
 * The one way to what app keys may call. Who sends is known before a body is inflated or read: the key stands in a
 * header, in the query or in the path; where a protocol puts it into the body, nothing but the key is looked for there.
 */
export function senders({ auth, strangers, pace, limit }: Deps) {
  const known = new WeakMap<FastifyRequest, AppKey>();
  const waiting = new WeakMap<FastifyRequest, () => void>();

  /** @throws UNAUTHENTICATED, ORIGIN_NOT_ALLOWED, UNAVAILABLE, RATE_LIMITED */
  async function identify(request: FastifyRequest, key: string | undefined): Promise<AppKey> {
    const found = auth.authenticateKey(key, request.headers.origin);
    const sender = found instanceof Promise ? await found : found;
    limit(request, sender);
    return sender;
  }

  /** As `identify`; from then on the request is this sender's. */
  async function letIn(request: FastifyRequest, key: string | undefined): Promise<AppKey> {
    const sender = await identify(request, key);
    known.set(request, sender);
    waiting.get(request)?.();
    pace.allow(request, PACE.senderMs);
    return sender;
  }

  const byHeadOrLater = (keyOf: KeyOf): SenderAccess => ({
    ...openTo('app-key'),
    onRequest: async (request) => {
      const key = keyOf(request);
      if (key === undefined) waiting.set(request, strangers.wait(request));
      else await letIn(request, key);
    },
  });

  return {
    identify,
    letIn,

    /** The key stands where `keyOf` finds it. */
    byHead: (keyOf: KeyOf = keyFromRequest): SenderAccess => ({
      ...openTo('app-key'),
      onRequest: async (request) => {
        await letIn(request, keyOf(request));
      },
    }),

    /** As `byHead`; without a key there, whoever reads the body finds it in its first line, and calls `letIn`. */
    byHeadOrLater,

    /** In the head, or else in the body. */
    byHeadOrBody: (places: KeyPlaces): SenderAccess => ({
      ...openTo('app-key'),
      onRequest: async (request) => {
        const key = keyFromRequest(request);
        if (key !== undefined) await letIn(request, key);
      },
      preParsing: async (request, _reply, payload) => {
        if (known.has(request)) return payload;
        const most = request.routeOptions.bodyLimit;
        const { body, key } = await strangers.read(request, payload, { most, places });
        await letIn(request, key);
        return Object.assign(Readable.from([body]), { receivedEncodedLength: body.length });
      },
    }),

    /** Undefined where nobody was let in, yet. */
    known: (request: FastifyRequest): AppKey | undefined => known.get(request),

    /** @throws UNAUTHENTICATED where nobody was let in: a request without a body has no key in it */
    of(request: FastifyRequest): AppKey {
      const sender = known.get(request);
      if (sender === undefined) throw new PlatformError('UNAUTHENTICATED', 'no app key');
      return sender;
    },
  };
}

export type Senders = ReturnType<typeof senders>;
