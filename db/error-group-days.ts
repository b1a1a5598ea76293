import type { ObjectId } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { documentOf, mapOf, number, objectId, string } from './json-schema.js';

/** What a fingerprint did on one UTC day: for sparklines, windows, and counts by release and environment. */
export interface ErrorGroupDayDoc {
  /** `<hex of groupId>/<day>`. */
  readonly _id: string;
  readonly appId: ObjectId;
  /** Of its own fingerprint: a merged group goes on writing its own days. */
  readonly groupId: ObjectId;
  readonly day: number;
  readonly count: number;
  /** By five minutes of the day, `'0'` to `'287'`. */
  readonly times: Readonly<Record<string, number>>;
  /** By release, written as `countKey` writes it; `*` for those beyond the group's bound. */
  readonly releases: Readonly<Record<string, number>>;
  readonly environments: Readonly<Record<string, number>>;
}

export const errorGroupDaysSpec: CollectionSpec = {
  name: 'error_group_days',
  indexes: [{ key: { groupId: 1, day: 1 }, name: 'by_group_day' }],
  jsonSchema: documentOf<ErrorGroupDayDoc>({
    _id: string,
    appId: objectId,
    groupId: objectId,
    day: number,
    count: number,
    times: mapOf(number),
    releases: mapOf(number),
    environments: mapOf(number),
  }),
};

/** A text as the name of a field: no dot, no dollar, no NUL; `''` and texts beyond the bound are counted as what they are. */
export const countKey = (text: string): string =>
  text === '' ? '-' : text.replace(/[%.$*\0]|^-$/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`);

export const countText = (key: string): string => (key === '-' ? '' : key === '*' ? '*' : decodeURIComponent(key));
