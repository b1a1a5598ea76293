import type { ClientSession, Db, ObjectId } from 'mongodb';
import type { AlertRule, SpikeRule, ThresholdRule } from '../domain/alert-rules.js';
import type { CollectionSpec } from './collection.js';
import { boolean, date, documentOf, number, objectId, oneOf, optional, string } from './json-schema.js';

export const RULE_KINDS = ['threshold', 'spike'] as const satisfies readonly AlertRule['kind'][];

/** When occurrences of a known group are too many: judged for each group of the app, each minute. */
export interface AlertRuleDoc {
  readonly _id: ObjectId;
  readonly appId: ObjectId;
  readonly kind: AlertRule['kind'];
  readonly name: string;
  readonly enabled: boolean;
  readonly minutes: number;
  /** Of a threshold. */
  readonly count?: number;
  /** Of a spike. */
  readonly factor?: number;
  readonly floor?: number;
  readonly createdAt: Date;
}

export const alertRulesSpec: CollectionSpec = {
  name: 'alert_rules',
  indexes: [{ key: { appId: 1, _id: -1 }, name: 'by_app' }],
  jsonSchema: documentOf<AlertRuleDoc>({
    _id: objectId,
    appId: objectId,
    kind: oneOf(RULE_KINDS),
    name: string,
    enabled: boolean,
    minutes: number,
    count: optional(number),
    factor: optional(number),
    floor: optional(number),
    createdAt: date,
  }),
};

/** The rule as it is judged. */
export const ruleOf = ({ kind, minutes, count = 0, factor = 0, floor = 0 }: AlertRuleDoc): AlertRule =>
  kind === 'threshold'
    ? ({ kind, count, minutes } satisfies ThresholdRule)
    : ({ kind, factor, minutes, floor } satisfies SpikeRule);

/** A group needs at least so many occurrences for the rule to fire. */
export const leastCountOf = ({ kind, count = 0, floor = 0 }: AlertRuleDoc): number =>
  kind === 'threshold' ? count + 1 : floor;

export function alertRules(db: Db) {
  const collection = db.collection<AlertRuleDoc>(alertRulesSpec.name);

  return {
    async insert(session: ClientSession, doc: AlertRuleDoc): Promise<void> {
      await collection.insertOne(doc, { session });
    },

    async findIn(session: ClientSession, appId: ObjectId, ruleId: ObjectId): Promise<AlertRuleDoc | undefined> {
      return (await collection.findOne({ _id: ruleId, appId }, { session })) ?? undefined;
    },

    /** Newest first; all of them, since an app may have few. */
    async ofApp(appId: ObjectId, session?: ClientSession): Promise<AlertRuleDoc[]> {
      return collection
        .find({ appId }, session && { session })
        .sort({ _id: -1 })
        .toArray();
    },

    /** Of all apps, each app's together. */
    async enabled(): Promise<AlertRuleDoc[]> {
      return collection.find({ enabled: true }).sort({ appId: 1, _id: 1 }).toArray();
    },

    async replace(session: ClientSession, doc: AlertRuleDoc): Promise<void> {
      await collection.replaceOne({ _id: doc._id }, doc, { session });
    },

    async remove(session: ClientSession, ruleId: ObjectId): Promise<void> {
      await collection.deleteOne({ _id: ruleId }, { session });
    },
  };
}

export type AlertRules = ReturnType<typeof alertRules>;
