import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { ObjectId } from 'mongodb';
import { ulid } from 'ulid';
import type { AppUsage, FlagUsageInput } from '../../activities/flag-usage.js';
import { flagAnswer } from '../../domain/flag-answer.js';
import type { FlagSet } from '../../domain/flag-set.js';
import { entryBytes } from '../../domain/entry-bytes.js';
import { lookup } from '../../domain/loose.js';
import { TASK_QUEUE } from '../../domain/task-queue.js';
import { flagUsage as flagUsageWorkflow, flagUsageRun } from '../../workflows/flag-usage.js';
import { CACHE_BYTES } from '../memory.js';
import { repeating } from '../repeating.js';

/** A set as it was served, stored or evaluated. */
export type ServedSet = Pick<FlagSet, 'flags'> & {
  readonly digest?: string;
  readonly reasons?: Readonly<Record<string, { readonly variant?: string }>>;
};

interface Deps {
  /** Undefined while Temporal is away. */
  readonly temporal: () => Pick<Client, 'withDeadline' | 'workflow'> | undefined;
  readonly log: { warn(facts: object, message: string): void };
  readonly everyMs?: number;
  readonly now?: () => number;
}

/** One answer of a flag, and how often it was given. */
interface Count {
  readonly flagKey: string;
  readonly key: string;
  readonly isVariant: boolean;
  times: number;
}

/** Counts of one app. Nothing that was served is kept: a set may be large, and so may a value. */
interface Counted {
  readonly appId: ObjectId;
  /** By flag, then by variant or by value. */
  readonly variants: Map<string, Map<string, Count>>;
  readonly values: Map<string, Map<string, Count>>;
  /** By digest: all of its flags are counted when it is flushed. */
  readonly sets: Map<string, { readonly counts: readonly Count[]; times: number }>;
}

const EVERY_MS = 10_000;
/** Of what counts may take, sets take at most a quarter. */
const SETS_BYTES = CACHE_BYTES.flagUsage / 4;
/** Of a flag that has its first answer, and of an app, beside their entries. */
const MAP_BYTES = 300;
const POINTER_BYTES = 8;
/** Flags of other sets that are counted one by one until the next flush; from then on one set in eight stands for eight. */
const EXACT_FLAGS = 100_000;
const SAMPLED = 8;
/** Of one flush: an input of a workflow is to be small. What is more waits for the next. */
const FLUSH_ANSWERS = 500;
const FLUSH_CHARACTERS = 80_000;
const START_MS = 5_000;
const STOP_MS = 5_000;

/**
 * Counts what was served, in memory: at most one step a flag, and one a whole set that is served often. Every few
 * seconds a workflow adds the counts, each once. A process that dies loses those of its last seconds.
 */
export function flagUsage({ temporal, log, everyMs = EVERY_MS, now = Date.now }: Deps) {
  let apps = new Map<string, Counted>();
  /** Ids of apps as they come from the key's cache, so that no text is made of them for each answer. */
  let known = new WeakMap<ObjectId, Counted>();
  /** Of all counts, and of the sets among them. */
  let bytes = 0;
  let setsBytes = 0;
  let exactFlags = 0;
  let sampled = 0;
  let dropped = 0;
  /** Begun, and not known to be taken: it is begun again under its own id, before anything else. */
  let pending: FlagUsageInput | undefined;
  let waiting: AppUsage[] = [];

  function countedOf(appId: ObjectId): Counted {
    const found = known.get(appId);
    if (found !== undefined) return found;
    const hex = appId.toHexString();
    const counted = apps.get(hex) ?? { appId, variants: new Map(), values: new Map(), sets: new Map() };
    apps.set(hex, counted);
    known.set(appId, counted);
    return counted;
  }

  /** Undefined where there is no room for one more. */
  function countOf(counted: Counted, flagKey: string, value: unknown, variant: string | undefined): Count | undefined {
    const isVariant = variant !== undefined;
    const flags = isVariant ? counted.variants : counted.values;
    const key = variant ?? keyOf(value);
    const known = flags.get(flagKey)?.get(key);
    if (known !== undefined) return known;
    const weight = entryBytes(flagKey, key) + (flags.has(flagKey) ? 0 : MAP_BYTES);
    if (bytes + weight > CACHE_BYTES.flagUsage) return undefined;
    bytes += weight;
    const count = { flagKey, key, isVariant, times: 0 };
    flags.set(flagKey, (flags.get(flagKey) ?? new Map<string, Count>()).set(key, count));
    return count;
  }

  function addAnswer(counted: Counted, flagKey: string, value: unknown, variant: string | undefined, times: number) {
    const count = countOf(counted, flagKey, value, variant);
    if (count === undefined) dropped += times;
    else count.times += times;
  }

  function addSet(counted: Counted, { flags, reasons }: ServedSet, times: number): void {
    for (const [flagKey, value] of Object.entries(flags)) {
      addAnswer(counted, flagKey, value, lookup(reasons ?? {}, flagKey)?.variant, times);
    }
  }

  /** False where there is no room for it. */
  function keepSet(counted: Counted, digest: string, { flags, reasons }: ServedSet, times: number): boolean {
    const all = Object.entries(flags);
    const weight = entryBytes(digest) + POINTER_BYTES * all.length;
    if (setsBytes + weight > SETS_BYTES || bytes + weight > CACHE_BYTES.flagUsage) return false;
    bytes += weight;
    setsBytes += weight;
    const counts = all.flatMap(([flagKey, value]) => {
      const count = countOf(counted, flagKey, value, lookup(reasons ?? {}, flagKey)?.variant);
      if (count === undefined) dropped += times;
      return count ?? [];
    });
    counted.sets.set(digest, { counts, times });
    return true;
  }

  /** All that was counted since the last time, in pieces of a flush. */
  function collect(): AppUsage[] {
    for (const counted of apps.values())
      for (const { counts, times } of counted.sets.values()) for (const count of counts) count.times += times;
    const pieces = [...apps].flatMap(([appId, { variants, values }]) => piecesOf(appId, variants, values));
    if (dropped > 0) log.warn({ dropped }, 'more different answers of flags than are counted');
    apps = new Map();
    known = new WeakMap();
    bytes = setsBytes = exactFlags = dropped = 0;
    return pieces;
  }

  /** False where it is not known to be taken. */
  async function start(input: FlagUsageInput): Promise<boolean> {
    const client = temporal();
    if (client === undefined) return false;
    const options = {
      ...flagUsageRun(input),
      taskQueue: TASK_QUEUE,
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
    } as const;
    try {
      await client.withDeadline(Date.now() + START_MS, () => client.workflow.start(flagUsageWorkflow, options));
      return true;
    } catch (err) {
      if (err instanceof WorkflowExecutionAlreadyStartedError) return true;
      log.warn({ err }, 'counts of flags wait for the next flush');
      return false;
    }
  }

  /** One flush; false where there is none, or it was not taken. */
  async function flush(): Promise<boolean> {
    if (pending === undefined) {
      // While Temporal is away nothing is collected: counts only grow, and their number is bounded.
      if (temporal() === undefined) return false;
      if (waiting.length === 0) waiting = collect();
      const taken = take(waiting);
      if (taken.length === 0) return false;
      waiting = waiting.slice(taken.length);
      pending = { flushId: ulid(now()), at: new Date(now()).toISOString(), apps: taken };
    }
    if (!(await start(pending))) return false;
    pending = undefined;
    return true;
  }

  const flushing = repeating(everyMs, flush, (err) => log.warn({ err }, 'counts of flags wait for the next flush'));

  return {
    /** An answer of one flag. */
    count(appId: ObjectId, flagKey: string, value: unknown, variant?: string): void {
      addAnswer(countedOf(appId), flagKey, value, variant, 1);
    },

    /** A whole set, or that the caller's is still the same. */
    countSet(appId: ObjectId, set: ServedSet): void {
      const counted = countedOf(appId);
      const { digest } = set;
      const same = digest === undefined ? undefined : counted.sets.get(digest);
      if (same !== undefined) {
        same.times++;
        return;
      }
      const times = exactFlags < EXACT_FLAGS ? 1 : SAMPLED;
      if (times === SAMPLED && ++sampled % SAMPLED !== 0) return;
      if (digest !== undefined && keepSet(counted, digest, set, times)) return;
      exactFlags += Object.keys(set.flags).length;
      addSet(counted, set, times);
    },

    bytes: (): number => bytes,

    /** Flushes what is counted, without waiting long for a Temporal that is slow. */
    async stop(): Promise<void> {
      const until = performance.now() + STOP_MS;
      await flushing.stop();
      while (performance.now() < until && (await flush()));
    },
  };
}

export type FlagUsage = ReturnType<typeof flagUsage>;

/** Of the definitions, mostly: written down once, however long they are. */
const keysOfObjects = new WeakMap<object, string>();

/** Values that look the same, such as one before and after a change, are one. */
function keyOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return flagAnswer(value, undefined).key;
  const known = keysOfObjects.get(value);
  if (known !== undefined) return known;
  const { key } = flagAnswer(value, undefined);
  keysOfObjects.set(value, key);
  return key;
}

function* countsOf(
  variants: Counted['variants'],
  values: Counted['values'],
): Generator<readonly [string, string, boolean, number]> {
  for (const flags of [variants, values])
    for (const counts of flags.values())
      for (const { flagKey, key, isVariant, times } of counts.values())
        if (times > 0) yield [flagKey, key, isVariant, times];
}

/** Each fits into a flush. */
function piecesOf(appId: string, variants: Counted['variants'], values: Counted['values']): AppUsage[] {
  const pieces: AppUsage[] = [];
  let counts: AppUsage['counts'][number][] = [];
  let characters = 0;
  const close = (): void => {
    if (counts.length > 0) pieces.push({ appId, counts });
    counts = [];
    characters = 0;
  };
  for (const count of countsOf(variants, values)) {
    const size = JSON.stringify(count).length;
    if (counts.length >= FLUSH_ANSWERS || characters + size > FLUSH_CHARACTERS) close();
    counts.push(count);
    characters += size;
  }
  close();
  return pieces;
}

/** As many from the front as fit into one flush. */
function take(pieces: readonly AppUsage[]): AppUsage[] {
  const taken: AppUsage[] = [];
  let count = 0;
  let characters = 0;
  for (const piece of pieces) {
    count += piece.counts.length;
    characters += JSON.stringify(piece).length;
    if (taken.length > 0 && (count > FLUSH_ANSWERS || characters > FLUSH_CHARACTERS)) break;
    taken.push(piece);
  }
  return taken;
}
