import { setTimeout as sleep } from 'node:timers/promises';
import type { ObjectId } from 'mongodb';
import type { FlagSetWrites } from '../../db/flag-set-writes.js';
import { type FlagSet, writtenSet } from '../../domain/flag-set.js';
import { quietly } from '../../domain/guarded.js';
import { CACHE_BYTES } from '../memory.js';

/** A set that an answer had to evaluate, to be stored for the next one. */
export interface WriteBackEntry {
  readonly appId: ObjectId;
  /** After alias, and only of a profile that is stored. */
  readonly profileId: ObjectId;
  /** Of the definitions it was evaluated by. */
  readonly version: number;
  /** Of the set as it was read **before** the profile was; undefined: there was none. 0 where it has none. */
  readonly profileRev: number | undefined;
  readonly set: FlagSet;
}

/** Takes it or leaves it, at once, and never throws. */
export type WriteBack = (entry: WriteBackEntry) => void;

interface Deps {
  readonly writes: Pick<FlagSetWrites, 'back'>;
  readonly log: { debug(facts: object, message: string): void };
  readonly everyMs?: number;
  readonly now?: () => number;
}

/** Nobody waits for them, and a transaction of many costs little more than one of a few. */
const EVERY_MS = 200;
const BETWEEN_FULL_MS = 25;
const MOST_IN_BATCH = 200;
/** Values are those of the definitions: a flag of a set takes what points to its value, and its reason. */
const SET_BYTES = 1_000;
const FLAG_BYTES = 150;
const DRAIN_MS = 2_000;

/**
 * Stores what answers had to evaluate, a batch at a time. Nobody waits for it: what does not fit is dropped, and so is
 * what a newer pass or a change of the profile has made old.
 */
export function flagWriteBack({ writes, log, everyMs = EVERY_MS, now = Date.now }: Deps) {
  /** By app and version, as they are written; then by profile. */
  const queues = new Map<string, Map<string, WriteBackEntry>>();
  /** Profiles that are in a queue or on their way. */
  const held = new Set<string>();
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> | undefined;
  let stopped = false;

  const weightOf = ({ set }: WriteBackEntry): number => SET_BYTES + FLAG_BYTES * Object.keys(set.flags).length;

  async function write(entries: ReadonlyMap<string, WriteBackEntry>): Promise<void> {
    const [first] = entries.values();
    if (first === undefined) return;
    const { appId, version } = first;
    const store = (): Promise<unknown> =>
      writes.back({
        appId,
        version,
        at: new Date(now()),
        writes: [...entries.values()].map(({ profileId, profileRev, set }) => ({
          profileId,
          profileRev,
          content: { kind: 'set', set: writtenSet(set) },
        })),
      });
    await quietly(store, (err) => {
      log.debug({ err, appId: appId.toHexString(), version, sets: entries.size }, 'sets were not stored');
    });
    for (const [key, entry] of entries) {
      held.delete(key);
      bytes -= weightOf(entry);
    }
  }

  const isFull = (): boolean => held.size >= MOST_IN_BATCH;

  /** The oldest queue, or as much of it as one transaction takes. */
  function take(): Map<string, WriteBackEntry> | undefined {
    const [oldest] = queues;
    if (oldest === undefined) return undefined;
    const [name, queue] = oldest;
    queues.delete(name);
    if (queue.size <= MOST_IN_BATCH) return queue;
    const all = [...queue];
    queues.set(name, new Map(all.slice(MOST_IN_BATCH)));
    return new Map(all.slice(0, MOST_IN_BATCH));
  }

  async function writeAll(): Promise<void> {
    for (let batch = take(); batch !== undefined; batch = take()) await write(batch);
  }

  /** One batch, then a pause: answers come first. */
  function flush(): void {
    timer = undefined;
    const batch = take();
    if (batch === undefined) return;
    writing = write(batch).finally(() => {
      writing = undefined;
      if (!stopped && queues.size > 0) timer ??= setTimeout(flush, isFull() ? BETWEEN_FULL_MS : everyMs);
    });
  }

  const writeBack: WriteBack = (entry) => {
    const key = `${entry.appId.toHexString()}/${entry.profileId.toHexString()}`;
    const weight = weightOf(entry);
    // What does not fit is evaluated again by the next answer.
    if (stopped || held.has(key) || bytes + weight > CACHE_BYTES.flagWriteBack) return;
    held.add(key);
    bytes += weight;
    const name = `${entry.appId.toHexString()}/${String(entry.version)}`;
    const queue = queues.get(name) ?? new Map<string, WriteBackEntry>();
    queues.set(name, queue.set(key, entry));
    if (writing === undefined) timer ??= setTimeout(flush, everyMs);
  };

  return {
    writeBack,
    bytes: (): number => bytes,
    /** Stores what it holds, if that does not take long, and takes nothing more. */
    async drain(): Promise<void> {
      stopped = true;
      clearTimeout(timer);
      const written = (writing ?? Promise.resolve()).then(writeAll);
      await Promise.race([written, sleep(DRAIN_MS, undefined, { ref: false })]);
      queues.clear();
    },
  };
}
