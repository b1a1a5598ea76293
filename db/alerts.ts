import type { ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { anything, date, documentOf, mapOf, objectId, oneOf, string } from './json-schema.js';

export const ALERT_CAUSES = ['new_group', 'regression', 'snooze_ended', 'threshold', 'spike'] as const;
export type AlertCause = (typeof ALERT_CAUSES)[number];

/** Something to tell people: written in the transaction that makes it true, told afterwards, once. */
export interface AlertDoc {
  /** `<hex of groupId>/<cause>/<number or window>`: the same cause is one alert. */
  readonly _id: string;
  readonly appId: ObjectId;
  readonly groupId: ObjectId;
  readonly cause: AlertCause;
  readonly at: Date;
  readonly facts: Readonly<Record<string, unknown>>;
  readonly state: 'new' | 'told';
}

export const alertsSpec: CollectionSpec = {
  name: 'alerts',
  indexes: [
    { key: { state: 1, at: 1 }, name: 'waiting', partialFilterExpression: { state: 'new' } },
    { key: { appId: 1, at: -1 }, name: 'by_app_time' },
  ],
  jsonSchema: documentOf<AlertDoc>({
    _id: string,
    appId: objectId,
    groupId: objectId,
    cause: oneOf(ALERT_CAUSES),
    at: date,
    facts: mapOf(anything),
    state: oneOf(['new', 'told']),
  }),
};
