import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { ObjectId } from 'mongodb';
import type { App } from '../../db/apps.js';
import type { FlagRollouts, WatchedRollout } from '../../db/flag-rollouts.js';
import type { FlagSetReads } from '../../db/flag-set-reads.js';
import type { RolloutProfiles, ServedProfile } from '../../db/rollout-profiles.js';
import { copied } from '../../domain/copied.js';
import { entryBytes } from '../../domain/entry-bytes.js';
import type { FlagContext } from '../../domain/flag.js';
import type { CompiledFlags } from '../../domain/flag-evaluation.js';
import { quietly } from '../../domain/guarded.js';
import { type RolloutSubject, rolloutSubject } from '../../domain/rollout-subject.js';
import { CACHE_BYTES } from '../memory.js';

interface Deps {
  readonly flagRollouts: Pick<FlagRollouts, 'watched'>;
  readonly reads: Pick<FlagSetReads, 'profiles'>;
  readonly rolloutProfiles: Pick<RolloutProfiles, 'serve'>;
  readonly profileIdOf: (app: App, externalId: string) => ObjectId;
  readonly log: { debug(facts: object, message: string): void };
  readonly now: () => number;
}

/** An answer that somebody goes by. */
export interface WatchedAnswer {
  readonly compiled: CompiledFlags;
  /** What it was evaluated for; undefined where it came from the store, and the stored attributes stand behind it. */
  readonly context: FlagContext | undefined;
  /** The profile that is meant, after alias. */
  readonly profileId: ObjectId | undefined;
  /** As who asked names it. */
  readonly targetingKey: string | undefined;
}

interface Waiting {
  readonly rollout: WatchedRollout;
  readonly window: number;
  readonly app: App;
  /** For whom the rule was decided; undefined where the attributes are still to be read. */
  readonly subject: ServedProfile['subject'] | undefined;
  /** What they are read by. */
  readonly answer: Omit<WatchedAnswer, 'context'>;
  /** Under which its events and errors come. */
  readonly profileId: ObjectId;
  readonly key: string;
  readonly at: Date;
}

type SubjectOf = (context: FlagContext) => RolloutSubject | undefined;

const POLL_MS = 1_000;
const WRITE_MS = 100;
const MOST_AT_ONCE = 1_000;
/** Whoever is served again after this is noted again: the conditions may hold no more. */
const KNOWN_MS = 5 * 60_000;

/**
 * Notes for whom the rule of a guarded rollout matters when they are served, for the guard to compare. Never in the
 * way of an answer: what does not fit into the queue, or is not taken by the database, is left out, in both arms alike,
 * and noted when it is served again.
 */
export function rolloutWatch({ flagRollouts, reads, rolloutProfiles, profileIdOf, log, now }: Deps) {
  const known = new LRUCache<string, true>({
    maxSize: CACHE_BYTES.rolloutProfiles,
    sizeCalculation: (_known, key) => entryBytes(key),
    ttl: KNOWN_MS,
  });
  const subjects = new WeakMap<CompiledFlags, Map<string, SubjectOf>>();
  let byApp: ReadonlyMap<string, readonly WatchedRollout[]> = new Map();
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let writing: Promise<void> | undefined;
  let reading: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let poll: NodeJS.Timeout | undefined;
  let isStopped = false;

  async function read(): Promise<void> {
    const next = new Map<string, WatchedRollout[]>();
    for (const rollout of await flagRollouts.watched()) {
      const hex = rollout.appId.toHexString();
      next.set(hex, [...(next.get(hex) ?? []), rollout]);
    }
    byApp = next;
  }

  function readAgain(): void {
    const failed = (error: unknown): void => log.debug({ error: String(error) }, 'rollouts cannot be read now');
    reading ??= quietly(read, failed).finally(() => (reading = undefined));
  }

  /** From the first answer on: a process that serves nobody asks for nothing. */
  function start(): void {
    readAgain();
    poll = setInterval(readAgain, POLL_MS);
    poll.unref();
  }

  function subjectOf({ flagKey, ruleId, _id }: WatchedRollout, compiled: CompiledFlags): SubjectOf {
    const made = subjects.get(compiled) ?? new Map<string, SubjectOf>();
    subjects.set(compiled, made);
    const key = _id.toHexString();
    const found = made.get(key) ?? rolloutSubject(compiled, flagKey, ruleId);
    made.set(key, found);
    return found;
  }

  function decided(rollout: WatchedRollout, app: App, compiled: CompiledFlags, context: FlagContext) {
    const subject = subjectOf(rollout, compiled)(context);
    return subject === undefined ? null : { bucket: subject.bucket, unit: unitOf(app, subject.key) };
  }

  /** What answers from the store were evaluated for. */
  async function contextsOf(batch: readonly Waiting[]): Promise<(each: Waiting) => FlagContext> {
    const asked = batch.flatMap(({ app, subject, answer: { profileId } }) =>
      subject === undefined && profileId !== undefined ? [{ appId: app.id, profileId }] : [],
    );
    const found = asked.length === 0 ? [] : await reads.profiles(asked);
    const byId = new Map(
      found.map((profile) => [profile.appId.toHexString() + profile.profileId.toHexString(), profile]),
    );
    return ({ app, answer: { profileId, targetingKey } }) => {
      const profile = profileId && byId.get(app.id.toHexString() + profileId.toHexString());
      return { targetingKey: profile?.externalId ?? targetingKey, attributes: profile?.attributes ?? {} };
    };
  }

  async function write(batch: readonly Waiting[]): Promise<void> {
    try {
      const contextOf = await contextsOf(batch);
      await rolloutProfiles.serve(
        batch.map((each): ServedProfile => {
          const { rollout, window, app, answer, profileId, at } = each;
          const subject =
            each.subject === undefined ? decided(rollout, app, answer.compiled, contextOf(each)) : each.subject;
          return { rolloutId: rollout._id, window, profileId, subject, at };
        }),
      );
    } catch (error) {
      for (const { key } of batch) known.delete(key);
      log.debug({ error: String(error), profiles: batch.length }, 'served profiles could not be noted');
    }
  }

  async function pump(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, MOST_AT_ONCE);
      waiting = waiting.slice(MOST_AT_ONCE);
      for (const each of batch) waitingBytes -= bytesOf(each);
      await write(batch);
    }
  }

  function schedule(): void {
    if (timer !== undefined || writing !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      const failed = (error: unknown): void => log.debug({ error: String(error) }, 'noting profiles goes on');
      writing = quietly(pump, failed).finally(() => {
        writing = undefined;
        if (waiting.length > 0) schedule();
      });
    }, WRITE_MS);
    timer.unref();
  }

  /** What was given with a question is judged at once: it may be as large as a request, and none of it is kept. */
  function waitingOf(rollout: WatchedRollout, app: App, answer: WatchedAnswer, profileId: ObjectId): Waiting {
    const { context, compiled, targetingKey = '' } = answer;
    const window = rollout.windows.length - 1;
    return {
      rollout,
      window,
      app,
      subject: context && decided(rollout, app, compiled, context),
      answer: { compiled, profileId: answer.profileId, targetingKey: context ? '' : copied(targetingKey) },
      profileId,
      key: keyOf(rollout, profileId, window),
      at: new Date(now()),
    };
  }

  function add(rollout: WatchedRollout, app: App, answer: WatchedAnswer, targetingKey: string): void {
    const profileId = profileIdOf(app, targetingKey);
    if (known.has(keyOf(rollout, profileId, rollout.windows.length - 1))) return;
    const each = waitingOf(rollout, app, answer, profileId);
    if (waitingBytes + bytesOf(each) > CACHE_BYTES.rolloutProfilesWaiting) return;
    known.set(each.key, true);
    waiting.push(each);
    waitingBytes += bytesOf(each);
    schedule();
  }

  return {
    /** @param flagKey left out: all flags were answered */
    note(app: App, answer: WatchedAnswer, flagKey?: string): void {
      if (isStopped) return;
      if (poll === undefined) start();
      const { targetingKey } = answer;
      const rollouts = byApp.get(app.id.toHexString());
      if (rollouts === undefined || targetingKey === undefined) return;
      for (const rollout of rollouts) {
        if (flagKey !== undefined && rollout.flagKey !== flagKey) continue;
        try {
          add(rollout, app, answer, targetingKey);
        } catch (error) {
          log.debug({ error: String(error), rollout: rollout._id }, 'a served profile could not be noted');
        }
      }
    },

    /** Writes what waits. */
    async stop(): Promise<void> {
      isStopped = true;
      clearInterval(poll);
      clearTimeout(timer);
      await reading;
      await writing;
      await pump();
    },

    bytes: (): number => known.calculatedSize,
    waitingBytes: (): number => waitingBytes,
  };
}

export type RolloutWatch = ReturnType<typeof rolloutWatch>;

const keyOf = ({ _id }: WatchedRollout, profileId: ObjectId, window: number): string =>
  `${_id.toHexString()}${profileId.toHexString()}${String(window)}`;

const bytesOf = ({ key, answer: { targetingKey = '' } }: Waiting): number => entryBytes(key, targetingKey);

/** Stands for what was hashed; nobody reads it back. */
const unitOf = (app: App, key: Uint8Array): string =>
  createHash('sha256').update(app.id.id).update(key).digest('base64url').slice(0, 16);
