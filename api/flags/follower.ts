import { LRUCache } from 'lru-cache';
import type { ObjectId } from 'mongodb';
import type { FlagDefinitions } from '../../db/flag-definitions.js';
import type { FlagStates, FlagVersion } from '../../db/flag-states.js';
import type { FlagStateChange, FlagStateStream } from '../../db/flag-state-stream.js';
import { changedKeys } from '../../domain/changed-flags.js';
import { PlatformError } from '../../domain/errors.js';
import type { Definitions } from '../../domain/flag.js';
import { type CompiledFlags, compileFlags } from '../../domain/flag-evaluation.js';
import { definitionsWeight } from '../../domain/definitions-weight.js';
import { guarded, quietly } from '../../domain/guarded.js';
import { CACHE_BYTES } from '../memory.js';
import { patiently } from '../patience.js';
import { coalesced } from './coalesced.js';
import { stateFeed } from './state-feed.js';

/** The definitions of an app as this process answers by them. */
export interface Current {
  readonly compiled: CompiledFlags;
  /** All stored sets were brought to this version. */
  readonly computed: number;
  /** To this one a pass has begun to bring them, and goes on however long it takes; 0: none. */
  readonly passing: number;
}

type StoredSets = Pick<Current, 'computed' | 'passing'>;

export interface FlagChange {
  readonly version: number;
  /** The flags that may answer differently; undefined where it is not known which. */
  readonly changedKeys: readonly string[] | undefined;
}

interface Subscription {
  /** What is known; all newer ones are told. */
  readonly version: number;
  readonly end: () => void;
}

export type FlagListener = (change: FlagChange) => void;

interface Deps {
  readonly definitions: Pick<FlagDefinitions, 'read'>;
  readonly states: Pick<FlagStates, 'find' | 'versions'>;
  readonly watch: () => FlagStateStream;
  readonly log?: { warn(facts: object, message: string): void; debug(facts: object, message: string): void };
  /** Steady, in ms. */
  readonly clock?: () => number;
  readonly maxBytes?: number;
}

interface Followed {
  readonly appId: ObjectId;
  readonly catchUp: () => Promise<Current | undefined>;
  readonly listeners: Set<FlagListener>;
  current: Current | undefined;
  definitions: Definitions | undefined;
  /** Of the definitions that were read last, whether they are still held or not. */
  read: number | undefined;
  /** The newest version that was heard of. */
  known: number;
  /** When the change stream last told of a version. */
  heardAt: number;
  /** When `current` was last known to be the newest. */
  confirmedAt: number;
}

/** What is not known to be the newest for longer than this is not answered by. */
const TRUSTED_MS = 2_000;
/** Of an app beside its definitions. */
const APP_BYTES = 2_000;

/**
 * The flags of the apps that are asked for, kept true in this process by a change stream and by a poll each second.
 * `current` answers at once when they are known to be the newest, which under traffic they always are.
 */
export function flagFollower({ definitions, states, watch, log, clock = () => performance.now(), ...deps }: Deps) {
  const { maxBytes = CACHE_BYTES.flagDefinitions } = deps;
  const pinned = new Map<string, Followed>();
  const known = new LRUCache<string, Followed>({ maxSize: maxBytes, dispose: forget });
  const feed = stateFeed({ states, watch, clock, onChange: heard, onPoll: polled, ...(log && { log }) });

  const untold = (err: unknown): void => log?.warn({ err }, 'somebody was not told of a change of flags');
  const find = (hex: string): Followed | undefined => known.get(hex) ?? pinned.get(hex);

  function follow(appId: ObjectId): Followed {
    feed.start();
    const entry: Followed = {
      appId,
      catchUp: coalesced(() => catchUp(entry)),
      listeners: new Set(),
      current: undefined,
      definitions: undefined,
      read: undefined,
      known: 0,
      heardAt: -Infinity,
      confirmedAt: -Infinity,
    };
    known.set(appId.toHexString(), entry, { size: APP_BYTES });
    return entry;
  }

  /** Whoever listens is still told of each change; the definitions themselves are read again. */
  function forget(entry: Followed, _hex: string, reason: LRUCache.DisposeReason): void {
    if (reason === 'evict') entry.current = entry.definitions = undefined;
  }

  /** A reading that begins now. What was read is the newest, whatever its number: a backup may have been put back. */
  async function catchUp(entry: Followed): Promise<Current | undefined> {
    const at = clock();
    const { definitions: before, known: newest, current: last } = entry;
    const isBehind = before === undefined || newest > before.version;
    const state = isBehind ? undefined : await states.find(entry.appId);
    if (before !== undefined && !isBehind && (state?.version ?? 0) === before.version) {
      entry.confirmedAt = Math.max(entry.confirmedAt, at);
      noteSets(entry, setsOf(state));
      return entry.current ?? last;
    }
    const [read, found] = await Promise.all([definitions.read(entry.appId), states.find(entry.appId)]);
    // What was heard of meanwhile is for the next reading, which it has asked for.
    if (entry.known === newest) entry.known = read.version;
    entry.confirmedAt = at;
    adopt(entry, read, setsOf(found));
    return entry.current ?? last;
  }

  function adopt(entry: Followed, read: Definitions, sets: StoredSets): void {
    const { definitions: before, read: lastRead } = entry;
    if (before?.version === read.version) {
      noteSets(entry, sets);
      return;
    }
    const compiled = compileFlags(read);
    entry.definitions = read;
    entry.read = read.version;
    entry.current = { compiled, ...sets };
    const hex = entry.appId.toHexString();
    // The cache weighs no entry anew that it has already.
    known.delete(hex);
    known.set(hex, entry, { size: Math.min(APP_BYTES + definitionsWeight(read), maxBytes) });
    if (compiled.broken.length > 0)
      log?.warn({ appId: hex, version: read.version, broken: compiled.broken }, 'rules of flags that are skipped');
    if (lastRead === undefined || lastRead === read.version || entry.listeners.size === 0) return;
    const change = { version: read.version, changedKeys: before && changedKeys(before, read) };
    // Each by itself: one that fails is no reason that others do not hear of it.
    for (const listener of entry.listeners) guarded(listener, untold)(change);
  }

  function noteSets(entry: Followed, { computed = 0, passing = 0 }: Partial<StoredSets>): void {
    const { current } = entry;
    if (current === undefined || (computed <= current.computed && passing <= current.passing)) return;
    entry.current = {
      ...current,
      computed: Math.max(computed, current.computed),
      passing: Math.max(passing, current.passing),
    };
  }

  function heard({ appId, version, ...sets }: FlagStateChange): void {
    const entry = find(appId.toHexString());
    if (entry?.read === undefined) return;
    noteSets(entry, sets);
    if (version === undefined) return;
    entry.heardAt = clock();
    if (version > entry.known) learn(entry, version);
  }

  /** All states there are, and when that was asked. */
  function polled(versions: ReadonlyMap<string, Omit<FlagVersion, '_id'>>, at: number): void {
    for (const [hex, entry] of [...known.entries(), ...pinned]) {
      if (entry.read === undefined || entry.heardAt >= at) continue;
      const state = versions.get(hex);
      const version = state?.version ?? 0;
      if (version === entry.read) {
        entry.known = version;
        entry.confirmedAt = Math.max(entry.confirmedAt, at);
        noteSets(entry, setsOf(state));
      } else learn(entry, version);
    }
  }

  function learn(entry: Followed, version: number): void {
    entry.known = version;
    void quietly(entry.catchUp, (err) => log?.debug({ err }, 'new flags not read yet'));
  }

  function isFresh({ definitions: own, known: newest, confirmedAt }: Followed): boolean {
    const isNewest = own !== undefined && newest <= own.version;
    return clock() - (isNewest ? feed.confirms(confirmedAt) : confirmedAt) <= TRUSTED_MS;
  }

  async function caughtUp(entry: Followed): Promise<Current> {
    let found: Current | undefined;
    try {
      found = await patiently(entry.catchUp());
    } catch (cause) {
      throw away(cause);
    }
    if (found === undefined || !isFresh(entry)) throw away();
    return found;
  }

  function current(appId: ObjectId, atLeast = 0): Current | Promise<Current> {
    const entry = find(appId.toHexString()) ?? follow(appId);
    if (entry.current !== undefined && entry.current.compiled.version >= atLeast && isFresh(entry))
      return entry.current;
    return caughtUp(entry);
  }

  return {
    /**
     * The app's flags as they are now, or were at most two seconds ago. Where somebody has seen `atLeast` already,
     * they are read again if need be; a number that nobody can have seen changes nothing.
     * @throws PlatformError UNAVAILABLE where that is not known
     */
    current,

    /** Tells of each newer version from the one on that is answered, until what is returned is called. */
    async subscribe(appId: ObjectId, listener: FlagListener, atLeast = 0): Promise<Subscription> {
      const hex = appId.toHexString();
      const entry = find(hex) ?? follow(appId);
      entry.listeners.add(listener);
      pinned.set(hex, entry);
      const end = (): void => {
        entry.listeners.delete(listener);
        if (entry.listeners.size === 0 && pinned.get(hex) === entry) pinned.delete(hex);
      };
      try {
        const { compiled } = await current(appId, atLeast);
        return { version: compiled.version, end };
      } catch (error) {
        end();
        throw error;
      }
    },

    bytes: (): number => known.calculatedSize,

    close: (): Promise<void> => feed.stop(),
  };
}

const setsOf = (state: Omit<FlagVersion, '_id'> | undefined): StoredSets => ({
  computed: state?.computed ?? 0,
  passing: state?.pass?.version ?? 0,
});

export type FlagFollower = ReturnType<typeof flagFollower>;

const away = (cause?: unknown): PlatformError =>
  new PlatformError('UNAVAILABLE', 'whether the flags are the newest is not known now', {
    retryAfterSeconds: 2,
    ...(cause !== undefined && { cause }),
  });
