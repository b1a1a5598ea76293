import type { ClientSession, Db, Filter, ObjectId } from 'mongodb';
import type { HoldReason, MetricLook } from '../domain/guard.js';
import { ACTIVE_STATES, ROLLOUT_STATES, type RolloutPlan, type RolloutState } from '../domain/rollout.js';
import type { CollectionSpec } from './collection.js';
import type { PageCursor } from './error-reads.js';
import {
  anything,
  arrayOf,
  boolean,
  date,
  documentOf,
  mapOf,
  nullable,
  number,
  objectId,
  oneOf,
  optional,
  type Schema,
  string,
} from './json-schema.js';

/** A stretch of time in which the percentage stayed the same; a step has more than one after a person's edit. */
export interface RolloutWindowDoc {
  readonly step: number;
  readonly percent: number;
  readonly since: Date;
}

/** What one look of the guard saw. */
export interface RolloutLookDoc {
  readonly at: Date;
  readonly window: number;
  readonly percent: number;
  readonly metrics: readonly MetricLook[];
  readonly harm: string | null;
  readonly hold: HoldReason | null;
  /** Why it failed, or what it waits for. */
  readonly detail: string | null;
}

export interface RolloutHistoryDoc {
  readonly at: Date;
  /** Null: the platform itself. */
  readonly actor: ObjectId | null;
  readonly what: string;
  readonly facts: Readonly<Record<string, unknown>>;
  /** Of what somebody asked for: asked again, it is answered the same. */
  readonly requestId?: string;
  readonly answer?: Readonly<Record<string, unknown>>;
}

/**
 * One change of a rule's percentage, in steps. Whoever writes it does so under `rev`; whatever it does to its flag is
 * in the same transaction.
 */
export interface FlagRolloutDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  /** The slug, for people. */
  readonly app: string;
  readonly flagKey: string;
  readonly ruleId: string;
  readonly plan: RolloutPlan;
  readonly state: RolloutState;
  /** One a rule: unique among those that are. */
  readonly active: boolean;
  readonly rev: number;
  readonly percentageBefore: number;
  /** What the rollout has written last, or taken over. */
  readonly percentage: number;
  /** The rest of the rule, as JSON: with any other, or another percentage, somebody has edited it. */
  readonly ruleText: string;
  readonly startAt: Date | null;
  /** Into the plan; -1 before the first. */
  readonly step: number;
  readonly windows: readonly RolloutWindowDoc[];
  /** When the time of the step is over; null before the first, while paused and after the end. */
  readonly until: Date | null;
  /** While paused: where it goes back to, and how much of the step's time is left. */
  readonly pausedFrom: RolloutState | null;
  readonly leftMs: number | null;
  readonly lookCount: number;
  /** The newest. */
  readonly looks: readonly RolloutLookDoc[];
  /** Why it ended or asks, with the numbers that was decided on. */
  readonly decision: Readonly<Record<string, unknown>> | null;
  readonly history: readonly RolloutHistoryDoc[];
  readonly note: string | null;
  readonly createdBy: ObjectId;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** What only our own functions read and write. */
const json = <T>(): Schema<T> => anything as Schema<T>;

const LOOKS_KEPT = 120;
const HISTORY_KEPT = 300;

export const flagRolloutsSpec: CollectionSpec = {
  name: 'flag_rollouts',
  indexes: [
    {
      key: { appId: 1, flagKey: 1, ruleId: 1 },
      name: 'one_active_per_rule',
      unique: true,
      partialFilterExpression: { active: true },
    },
    { key: { appId: 1, createdAt: -1, _id: -1 }, name: 'by_app_time' },
    { key: { active: 1 }, name: 'active', partialFilterExpression: { active: true } },
  ],
  jsonSchema: documentOf<FlagRolloutDoc>({
    _id: objectId,
    appId: objectId,
    app: string,
    flagKey: string,
    ruleId: string,
    plan: json<RolloutPlan>(),
    state: oneOf(ROLLOUT_STATES),
    active: boolean,
    rev: number,
    percentageBefore: number,
    percentage: number,
    ruleText: string,
    startAt: nullable(date),
    step: number,
    windows: arrayOf(documentOf<RolloutWindowDoc>({ step: number, percent: number, since: date })),
    until: nullable(date),
    pausedFrom: nullable(oneOf(ROLLOUT_STATES)),
    leftMs: nullable(number),
    lookCount: number,
    looks: arrayOf(
      documentOf<RolloutLookDoc>({
        at: date,
        window: number,
        percent: number,
        metrics: json<readonly MetricLook[]>(),
        harm: nullable(string),
        hold: nullable(oneOf(['sample', 'ratio', 'lag', 'quota', 'failed'])),
        detail: nullable(string),
      }),
    ),
    decision: nullable(mapOf(anything)),
    history: arrayOf(
      documentOf<RolloutHistoryDoc>({
        at: date,
        actor: nullable(objectId),
        what: string,
        facts: mapOf(anything),
        requestId: optional(string),
        answer: optional(mapOf(anything)),
      }),
    ),
    note: nullable(string),
    createdBy: objectId,
    createdAt: date,
    endedAt: nullable(date),
  }),
};

/** What whoever counts has to know of a rollout. */
export type WatchedRollout = Pick<FlagRolloutDoc, '_id' | 'appId' | 'flagKey' | 'ruleId' | 'plan' | 'windows'>;

const WATCHED = { appId: 1, flagKey: 1, ruleId: 1, plan: 1, windows: 1 } as const;
const MOST_WATCHED = 2_000;

export interface RolloutFilter {
  readonly appId: ObjectId;
  readonly flagKey?: string | undefined;
  readonly active?: boolean | undefined;
  readonly after?: PageCursor | undefined;
}

export function flagRollouts(db: Db) {
  const collection = db.collection<FlagRolloutDoc>(flagRolloutsSpec.name);

  return {
    async find(_id: ObjectId, session?: ClientSession): Promise<FlagRolloutDoc | undefined> {
      return (await collection.findOne({ _id }, session === undefined ? {} : { session })) ?? undefined;
    },

    async findIn(appId: ObjectId, _id: ObjectId): Promise<FlagRolloutDoc | undefined> {
      return (await collection.findOne({ _id, appId })) ?? undefined;
    },

    /** Newest first; of each only its newest look. */
    async page({ appId, flagKey, active, after }: RolloutFilter, limit: number): Promise<FlagRolloutDoc[]> {
      const at = after && new Date(after.value);
      const filter: Filter<FlagRolloutDoc> = {
        appId,
        ...(flagKey !== undefined && { flagKey }),
        ...(active !== undefined && { active }),
        ...(after && at && { $or: [{ createdAt: { $lt: at } }, { createdAt: at, _id: { $lt: after.id } }] }),
      };
      return collection
        .find(filter, { projection: { looks: { $slice: -1 }, history: { $slice: -1 } } })
        .sort({ createdAt: -1, _id: -1 })
        .limit(limit)
        .toArray();
    },

    activeIn: (appId: ObjectId, session: ClientSession): Promise<number> =>
      collection.countDocuments({ appId, active: true }, { session }),

    async activeIds(): Promise<ObjectId[]> {
      const found = await collection.find({ active: true }, { projection: { _id: 1 }, limit: MOST_WATCHED }).toArray();
      return found.map(({ _id }) => _id);
    },

    /** Those with a guard that have begun and are not over: whom to count for. */
    async watched(): Promise<WatchedRollout[]> {
      return collection
        .find<WatchedRollout>(
          { active: true, 'windows.0': { $exists: true }, 'plan.guard': { $ne: null } },
          { projection: WATCHED, limit: MOST_WATCHED },
        )
        .toArray();
    },

    async insert(doc: FlagRolloutDoc, session: ClientSession): Promise<void> {
      await collection.insertOne(doc, { session });
    },

    /** The document with these changes, under the revision that was read: null where it has changed since. */
    async change(
      { _id, rev }: Pick<FlagRolloutDoc, '_id' | 'rev'>,
      { set, history = [], look }: RolloutChange,
      session: ClientSession,
    ): Promise<FlagRolloutDoc | null> {
      const active = set.state === undefined ? {} : { active: ACTIVE_STATES.some((state) => state === set.state) };
      return collection.findOneAndUpdate(
        { _id, rev },
        {
          $set: { ...set, ...active },
          $inc: { rev: 1, ...(look && { lookCount: 1 }) },
          $push: {
            ...(history.length > 0 && { history: { $each: [...history], $slice: -HISTORY_KEPT } }),
            ...(look && { looks: { $each: [look], $slice: -LOOKS_KEPT } }),
          },
        },
        { session, returnDocument: 'after' },
      );
    },
  };
}

export interface RolloutChange {
  readonly set: Partial<Omit<FlagRolloutDoc, '_id' | 'rev' | 'active' | 'looks' | 'lookCount' | 'history'>>;
  readonly history?: readonly RolloutHistoryDoc[];
  readonly look?: RolloutLookDoc;
}

export type FlagRollouts = ReturnType<typeof flagRollouts>;
