import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { PlatformError } from '../../domain/errors.js';
import { addressCounts } from './address-counts.js';
import type { AddressOf } from './client-addresses.js';

interface Deps {
  readonly perKey: number;
  /** Of one address with one key. */
  readonly perAddress: number;
  readonly addressOf: AddressOf;
  /** In ms; never goes back. */
  readonly now?: () => number;
}

/** What a key was asked for within one window, by bands. */
interface Key {
  readonly window: number;
  /** All requests. */
  readonly wanted: Uint32Array;
  readonly served: Uint32Array;
  /** What each band and those above it may take together. */
  readonly room: readonly number[];
}

const WINDOW_MS = 1_000;
const MOST_KEYS = 10_000;
/**
 * The nth request of an address within a window is of the first band that reaches up to n. When a key's limit is used
 * up, lower bands are served first.
 */
const BANDS = [1, 2, 5, 10, 20, 50, 100, 200, Infinity] as const;
/** An address is sure of so many: what comes above leaves a tenth of the key's limit to those who ask for less. */
const SHARE = 50;
const LEFT_TO_SHARES = 0.1;

const noCounts = (): Uint32Array => new Uint32Array(BANDS.length);

/**
 * Requests a second of one key, and of one address with one key, in this process. Where more are asked for than a key
 * may have, those go first who ask for least: what the lower bands have wanted in the second before is kept from the
 * higher ones. Constant time for each request, and memory that does not grow with the number of addresses.
 */
export function requestLimits({ perKey, perAddress, addressOf, now = performance.now.bind(performance) }: Deps) {
  const counts = addressCounts();
  const keys = new LRUCache<string, Key>({ max: MOST_KEYS });
  let window = 0;
  let endsAt = -Infinity;

  function turn(at: number): void {
    if (at < endsAt) return;
    // What was wanted long ago says nothing about now.
    window += at < endsAt + WINDOW_MS ? 1 : 2;
    endsAt = at + WINDOW_MS;
    counts.clear();
  }

  function keyOf(keyId: string): Key {
    const known = keys.get(keyId);
    if (known?.window === window) return known;
    const wanted = known?.window === window - 1 ? known.wanted : noCounts();
    let below = 0;
    const room = BANDS.map((_, band) => {
      const left = perKey - below;
      below += wanted[band] ?? 0;
      return left;
    });
    const key = { window, wanted: noCounts(), served: noCounts(), room };
    keys.set(keyId, key);
    return key;
  }

  function refusal(at: number, message: string): PlatformError {
    const retryAfterSeconds = Math.max(1, Math.ceil((endsAt - at) / 1000));
    return new PlatformError('RATE_LIMITED', message, { retryAfterSeconds });
  }

  return {
    /** Counts the request. @throws PlatformError RATE_LIMITED */
    check(request: FastifyRequest, keyId: string): void {
      const at = now();
      turn(at);
      const address = addressOf(request);
      const nth = address === undefined ? 1 : counts.add(`${keyId}/${address}`, 1);
      if (nth > perAddress)
        throw refusal(at, `an address sends at most ${String(perAddress)} requests a second with one key`);
      const { wanted, served, room } = keyOf(keyId);
      const band = bandOf(nth);
      wanted[band] = (wanted[band] ?? 0) + 1;
      const most = nth <= SHARE ? perKey : perKey - Math.floor(perKey * LEFT_TO_SHARES);
      if (sumFrom(0, served) >= most || sumFrom(band, served) >= (room[band] ?? 0))
        throw refusal(at, `a key sends at most ${String(perKey)} requests a second`);
      served[band] = (served[band] ?? 0) + 1;
    },
  };
}

// Loops, since every request runs through these.
function bandOf(nth: number): number {
  let band = 0;
  while (nth > (BANDS[band] ?? Infinity)) band += 1;
  return band;
}

function sumFrom(band: number, counts: Uint32Array): number {
  let sum = 0;
  for (let at = band; at < counts.length; at++) sum += counts[at] ?? 0;
  return sum;
}
