import { Readable } from 'node:stream';
import type { FastifyRequest, onRequestHookHandler, preParsingAsyncHookHandler } from 'fastify';
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
interface SenderAccess extends Pick<RouteAccess, 'config'> {
  readonly onRequest: onRequestHookHandler;
  readonly preParsing?: preParsingAsyncHookHandler;
}

const SENDER = Symbol('sender');

/** Kept with the request: there are too many of them for a map. */
interface Let {
  [SENDER]?: AppKey;
}

/**
 * The one way to what app keys may call. Who sends is known before a body is inflated or read: the key stands in a
 * header, in the query or in the path; where a protocol puts it into the body, nothing but the key is looked for there.
 */
export function senders({ auth, strangers, pace, limit }: Deps) {
  const known = (request: FastifyRequest & Let): AppKey | undefined => request[SENDER];
  const waiting = new WeakMap<FastifyRequest, () => void>();

  /** @throws UNAUTHENTICATED, ORIGIN_NOT_ALLOWED, UNAVAILABLE, RATE_LIMITED */
  function identify(request: FastifyRequest, key: string | undefined): AppKey | Promise<AppKey> {
    return soon(auth.authenticateKey(key, request.headers.origin), (sender) => {
      limit(request, sender);
      return sender;
    });
  }

  /** As `identify`; from then on the request is this sender's. */
  function letIn(request: FastifyRequest & Let, key: string | undefined): AppKey | Promise<AppKey> {
    return soon(identify(request, key), (sender) => {
      request[SENDER] = sender;
      waiting.get(request)?.();
      pace.allow(request, PACE.senderMs);
      return sender;
    });
  }

  const byHeadOrLater = (keyOf: KeyOf): SenderAccess => ({
    ...openTo('app-key'),
    onRequest: asHook((request) => {
      const key = keyOf(request);
      if (key !== undefined) return letIn(request, key);
      waiting.set(request, strangers.wait(request));
      return undefined;
    }),
  });

  return {
    identify,
    letIn,

    /** The key stands where `keyOf` finds it. */
    byHead: (keyOf: KeyOf = keyFromRequest): SenderAccess => ({
      ...openTo('app-key'),
      onRequest: asHook((request) => letIn(request, keyOf(request))),
    }),

    /** As `byHead`; without a key there, whoever reads the body finds it in its first line, and calls `letIn`. */
    byHeadOrLater,

    /** In the head, or else in the body. */
    byHeadOrBody: (places: KeyPlaces): SenderAccess => ({
      ...openTo('app-key'),
      onRequest: asHook((request) => {
        const key = keyFromRequest(request);
        return key === undefined ? undefined : letIn(request, key);
      }),
      preParsing: async (request, _reply, payload) => {
        if (known(request) !== undefined) return payload;
        const most = request.routeOptions.bodyLimit;
        const { body, key } = await strangers.read(request, payload, { most, places });
        await letIn(request, key);
        return Object.assign(Readable.from([body]), { receivedEncodedLength: body.length });
      },
    }),

    /** Undefined where nobody was let in, yet. */
    known,

    /** @throws UNAUTHENTICATED where nobody was let in: a request without a body has no key in it */
    of(request: FastifyRequest): AppKey {
      const sender = known(request);
      if (sender === undefined) throw new PlatformError('UNAUTHENTICATED', 'no app key');
      return sender;
    },
  };
}

export type Senders = ReturnType<typeof senders>;

/** Now, where it is known now, which under traffic it is: promises cost more than all that is asked here. */
function soon<T, R>(known: T | Promise<T>, next: (known: T) => R): R | Promise<R> {
  return known instanceof Promise ? known.then(next) : next(known);
}

const asHook =
  (ask: (request: FastifyRequest) => unknown): onRequestHookHandler =>
  (request, _reply, done) => {
    let asked: unknown;
    try {
      asked = ask(request);
    } catch (error) {
      done(error as Error);
      return;
    }
    if (asked instanceof Promise) asked.then(() => done(), done);
    else done();
  };
