import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import type { AppKeys, KeyAndApp } from '../db/app-keys.js';
import type { App } from '../db/apps.js';
import { PlatformError } from '../domain/errors.js';
import { isLive, looksLikeAppKey, type KeyKind } from '../domain/key.js';
import { originAllowed } from '../domain/origin.js';
import { keyFromRequest } from './auth-header.js';
import { patiently } from './patience.js';
import { hashSecret } from './secrets.js';
import { strangerGate } from './stranger-gate.js';

/** Who sends: the key of a request and the app it speaks for. */
export interface AppKey {
  readonly keyId: string;
  readonly kind: KeyKind;
  readonly app: App;
}

export interface AppKeyAuth {
  /**
   * Who sends. Answers at once when the key is known, which under traffic it always is.
   * @throws UNAUTHENTICATED, ORIGIN_NOT_ALLOWED, UNAVAILABLE, RATE_LIMITED
   */
  readonly authenticate: (request: FastifyRequest) => AppKey | Promise<AppKey>;
  /** The same for protocols that put the key elsewhere. */
  readonly authenticateKey: (key: string | undefined, origin: string | undefined) => AppKey | Promise<AppKey>;
}

interface Deps {
  readonly appKeys: Pick<AppKeys, 'findWithApp' | 'touch'>;
  readonly log?: { debug(facts: object, message: string): void };
  readonly now?: () => number;
}

interface Entry {
  /** Undefined: nobody has this key. */
  readonly found: KeyAndApp | undefined;
  readonly sender: AppKey | undefined;
  /** When the look-up began, so that a slow one is not trusted for longer. */
  readonly readAt: number;
}

const MOST_ENTRIES = 10_000;
/** A revocation, a new origin list or new settings reach every process within this. */
const TRUSTED_MS = 4_000;
/** From this age on a used entry is read again in the background, so that no request waits for it. */
const REFRESH_MS = 2_000;
const TOUCH_EVERY_MS = 60_000;

const unauthenticated = () => new PlatformError('UNAUTHENTICATED', 'no valid app key: unknown, expired or revoked');

/** A clock that was set back makes an entry old, not young. */
const isFresh = ({ readAt }: Entry, at: number) => at >= readAt && at - readAt < TRUSTED_MS;

export function appKeyAuth({ appKeys, log, now = Date.now }: Deps): AppKeyAuth {
  const known = new LRUCache<string, Entry>({ max: MOST_ENTRIES });
  // Apart from the known, so that a flood of invented keys cannot push the real ones out.
  const strangers = new LRUCache<string, Entry>({ max: MOST_ENTRIES });
  const touchedAt = new LRUCache<string, number>({ max: MOST_ENTRIES });
  const underWay = new Map<string, Promise<Entry>>();
  const gate = strangerGate(now);

  async function read(hash: string): Promise<Entry> {
    const readAt = now();
    const found = await appKeys.findWithApp(hash);
    const sender = found && { keyId: found.key._id.toHexString(), kind: found.key.kind, app: found.app };
    const entry: Entry = { found, sender, readAt };
    if (found === undefined) {
      known.delete(hash);
      strangers.set(hash, entry);
    } else {
      strangers.delete(hash);
      known.set(hash, entry);
    }
    return entry;
  }

  function readOnce(hash: string): Promise<Entry> {
    const running = underWay.get(hash);
    if (running !== undefined) return running;
    const reading = read(hash).finally(() => underWay.delete(hash));
    underWay.set(hash, reading);
    return reading;
  }

  function touch({ key }: KeyAndApp, at: number): void {
    const keyId = key._id.toHexString();
    if (at - (touchedAt.get(keyId) ?? -Infinity) < TOUCH_EVERY_MS) return;
    touchedAt.set(keyId, at);
    appKeys.touch(key._id, new Date(at)).catch((err: unknown) => {
      log?.debug({ err, keyId }, 'last use of a key not noted');
    });
  }

  function judge({ found, sender }: Entry, origin: string | undefined, at: number): AppKey {
    if (found === undefined || sender === undefined || !isLive(found.key, at)) throw unauthenticated();
    if (!originAllowed(found.key.origins, origin)) {
      throw new PlatformError('ORIGIN_NOT_ALLOWED', 'this key may not be used from this origin');
    }
    touch(found, at);
    return sender;
  }

  async function lookUp(reading: Promise<Entry>, origin: string | undefined): Promise<AppKey> {
    let entry: Entry;
    try {
      entry = await patiently(reading);
    } catch (cause) {
      if (cause instanceof PlatformError) throw cause;
      // Not knowing is not a refusal: a 401 would make clients throw their events away.
      throw new PlatformError('UNAVAILABLE', 'keys cannot be looked up now', { cause, retryAfterSeconds: 2 });
    }
    const at = now();
    if (!isFresh(entry, at))
      throw new PlatformError('UNAVAILABLE', 'keys are looked up too slowly', { retryAfterSeconds: 2 });
    return judge(entry, origin, at);
  }

  function authenticateKey(key: string | undefined, origin: string | undefined): AppKey | Promise<AppKey> {
    if (key === undefined || !looksLikeAppKey(key)) throw unauthenticated();
    const hash = hashSecret(key);
    const at = now();
    const entry = known.get(hash) ?? strangers.get(hash);

    if (entry !== undefined && isFresh(entry, at)) {
      // A failed refresh is no matter: the entry just ages, and the next look-up says what is wrong.
      if (at - entry.readAt >= REFRESH_MS && entry.found !== undefined) readOnce(hash).catch(() => undefined);
      return judge(entry, origin, at);
    }
    if (entry?.found !== undefined || underWay.has(hash)) return lookUp(readOnce(hash), origin);
    const first = gate.lookUp(
      () => readOnce(hash),
      ({ found }) => found === undefined,
    );
    return lookUp(first, origin);
  }

  return {
    authenticateKey,
    authenticate: (request) => authenticateKey(keyFromRequest(request), request.headers.origin),
  };
}
