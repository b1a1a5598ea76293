import { LRUCache } from 'lru-cache';
import { BSON } from 'mongodb';
import type { AppKeys, KeyAndApp } from '../db/app-keys.js';
import type { App } from '../db/apps.js';
import { PlatformError } from '../domain/errors.js';
import { isLive, looksLikeAppKey, type KeyKind } from '../domain/key.js';
import { originAllowed } from '../domain/origin.js';
import { CACHE_BYTES } from './memory.js';
import type { KnownSecrets } from './known-secrets.js';
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
  readonly authenticateKey: (key: string | undefined, origin: string | undefined) => AppKey | Promise<AppKey>;
  /** What the keys take that it remembers. */
  readonly bytes: () => number;
}

interface Deps {
  readonly appKeys: Pick<AppKeys, 'findWithApp' | 'touch'>;
  readonly secrets: KnownSecrets;
  readonly log?: { debug(facts: object, message: string): void };
  readonly now?: () => number;
}

interface Entry {
  readonly found: KeyAndApp;
  readonly sender: AppKey;
  /** When the look-up began, so that a slow one is not trusted for longer. */
  readonly readAt: number;
  touchedAt: number;
}

/** A revocation, a new origin list or new settings reach every process within this. */
const TRUSTED_MS = 4_000;
/** From this age on a used entry is read again in the background, so that no request waits for it. */
const REFRESH_MS = 2_000;
const TOUCH_EVERY_MS = 60_000;

const unauthenticated = () => new PlatformError('UNAUTHENTICATED', 'no valid app key: unknown, expired or revoked');

/** A clock that was set back makes an entry old, not young. */
const isFresh = ({ readAt }: Entry, at: number) => at >= readAt && at - readAt < TRUSTED_MS;

/** What a key and its app take in memory, about. */
const weightOf = (found: KeyAndApp): number => 1_000 + 2 * BSON.calculateObjectSize(found);

export function appKeyAuth({ appKeys, secrets, log, now = Date.now }: Deps): AppKeyAuth {
  const known = new LRUCache<string, Entry>({ maxSize: CACHE_BYTES.appKeys });
  const underWay = new Map<string, Promise<Entry | undefined>>();
  const gate = strangerGate({ secrets, now });

  async function read(hash: string): Promise<Entry | undefined> {
    const readAt = now();
    const found = await appKeys.findWithApp(hash);
    if (found === undefined) {
      known.delete(hash);
      return undefined;
    }
    const sender = { keyId: found.key._id.toHexString(), kind: found.key.kind, app: found.app };
    const touchedAt = known.peek(hash)?.touchedAt ?? -Infinity;
    const entry = { found, sender, readAt, touchedAt };
    known.set(hash, entry, { size: weightOf(found) });
    return entry;
  }

  function readOnce(hash: string): Promise<Entry | undefined> {
    const running = underWay.get(hash);
    if (running !== undefined) return running;
    const reading = read(hash).finally(() => underWay.delete(hash));
    underWay.set(hash, reading);
    return reading;
  }

  function touch(entry: Entry, at: number): void {
    if (at - entry.touchedAt < TOUCH_EVERY_MS) return;
    entry.touchedAt = at;
    const { keyId } = entry.sender;
    appKeys.touch(entry.found.key._id, new Date(at)).catch((err: unknown) => {
      log?.debug({ err, keyId }, 'last use of a key not noted');
    });
  }

  function judge(entry: Entry | undefined, origin: string | undefined, at: number): AppKey {
    if (entry === undefined || !isLive(entry.found.key, at)) throw unauthenticated();
    if (!originAllowed(entry.found.key.origins, origin)) {
      throw new PlatformError('ORIGIN_NOT_ALLOWED', 'this key may not be used from this origin');
    }
    touch(entry, at);
    return entry.sender;
  }

  async function lookUp(hash: string, origin: string | undefined): Promise<AppKey> {
    let entry: Entry | undefined;
    try {
      // One that is under way already costs no more, whosever the key is.
      entry = await patiently(underWay.get(hash) ?? gate.lookUp(hash, () => readOnce(hash)));
    } catch (cause) {
      if (cause instanceof PlatformError) throw cause;
      // Not knowing is not a refusal: a 401 would make clients throw their events away.
      throw new PlatformError('UNAVAILABLE', 'keys cannot be looked up now', { cause, retryAfterSeconds: 2 });
    }
    const at = now();
    if (entry !== undefined && !isFresh(entry, at))
      throw new PlatformError('UNAVAILABLE', 'keys are looked up too slowly', { retryAfterSeconds: 2 });
    return judge(entry, origin, at);
  }

  function authenticateKey(key: string | undefined, origin: string | undefined): AppKey | Promise<AppKey> {
    if (key === undefined || !looksLikeAppKey(key)) throw unauthenticated();
    const hash = hashSecret(key);
    const at = now();
    const entry = known.get(hash);
    if (entry !== undefined && isFresh(entry, at)) {
      // A failed refresh is no matter: the entry just ages, and the next look-up says what is wrong.
      if (at - entry.readAt >= REFRESH_MS) readOnce(hash).catch(() => undefined);
      return judge(entry, origin, at);
    }
    return lookUp(hash, origin);
  }

  return {
    authenticateKey,
    bytes: () => known.calculatedSize,
  };
}
