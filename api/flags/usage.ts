import type { Client } from '@temporalio/client';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';
import type { ObjectId } from 'mongodb';
import { ulid } from 'ulid';
import type { AppUsage, FlagUsageInput } from '../../activities/flag-usage.js';
import { flagAnswer } from '../../domain/flag-answer.js';
import type { FlagSet } from '../../domain/flag-set.js';
import { lookup } from '../../domain/loose.js';
import { TASK_QUEUE } from '../../domain/task-queue.js';
import { flagUsage as flagUsageWorkflow, flagUsageRun } from '../../workflows/flag-usage.js';
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

/** Counts of one app: by flag, then by variant or by value. A value is one object per definition, so it is its own key. */
interface Counted {
  readonly appId: ObjectId;
  readonly variants: Map<string, Map<string, number>>;
  readonly values: Map<string, Map<unknown, number>>;
  /** By digest: all of its flags are counted when it is flushed. */
  readonly sets: Map<string, { readonly set: ServedSet; times: number }>;
}

const EVERY_MS = 10_000;
/** Different answers, and different sets by the flags they hold, that are remembered at once. */
const MOST_ANSWERS = 50_000;
const MOST_SET_FLAGS = 20_000;
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
  let answers = 0;
  let setFlags = 0;
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

  function add<K>(flags: Map<string, Map<K, number>>, flagKey: string, key: K, times: number): void {
    let counts = flags.get(flagKey);
    if (counts === undefined) flags.set(flagKey, (counts = new Map<K, number>()));
    const before = counts.get(key);
    if (before === undefined && ++answers > MOST_ANSWERS) {
      answers--;
      dropped += times;
      return;
    }
    counts.set(key, (before ?? 0) + times);
  }

  function addAnswer(counted: Counted, flagKey: string, value: unknown, variant: string | undefined, times: number) {
    if (variant === undefined) add(counted.values, flagKey, value, times);
    else add(counted.variants, flagKey, variant, times);
  }

  function addSet(counted: Counted, { flags, reasons }: ServedSet, times: number): void {
    for (const [flagKey, value] of Object.entries(flags)) {
      addAnswer(counted, flagKey, value, lookup(reasons ?? {}, flagKey)?.variant, times);
    }
  }

  /** All that was counted since the last time, in pieces of a flush. */
  function collect(): AppUsage[] {
    for (const counted of apps.values())
      for (const { set, times } of counted.sets.values()) addSet(counted, set, times);
    const pieces = [...apps].flatMap(([appId, { variants, values }]) => piecesOf(appId, variants, values));
    if (dropped > 0) log.warn({ dropped }, 'more different answers of flags than are counted');
    apps = new Map();
    known = new WeakMap();
    answers = setFlags = exactFlags = dropped = 0;
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
      const size = Object.keys(set.flags).length;
      if (digest === undefined || setFlags + size > MOST_SET_FLAGS) {
        exactFlags += size;
        addSet(counted, set, times);
        return;
      }
      setFlags += size;
      counted.sets.set(digest, { set, times });
    },

    /** Flushes what is counted, without waiting long for a Temporal that is slow. */
    async stop(): Promise<void> {
      const until = performance.now() + STOP_MS;
      await flushing.stop();
      while (performance.now() < until && (await flush()));
    },
  };
}

export type FlagUsage = ReturnType<typeof flagUsage>;

function* countsOf(
  variants: Counted['variants'],
  values: Counted['values'],
): Generator<readonly [string, string, boolean, number]> {
  for (const [flagKey, counts] of variants) for (const [key, count] of counts) yield [flagKey, key, true, count];
  for (const [flagKey, counts] of values) {
    // Values that look the same, such as one before and after a change, are one.
    const byKey = new Map<string, number>();
    for (const [value, count] of counts) {
      const { key } = flagAnswer(value, undefined);
      byKey.set(key, (byKey.get(key) ?? 0) + count);
    }
    for (const [key, count] of byKey) yield [flagKey, key, false, count];
  }
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
