import { Binary, type Db, type Document, Long, ObjectId } from 'mongodb';
import type { Answer, Ingest, Sender } from './ingest.js';

/** What every object answers to, though nobody put it there. */
export const INHERITED = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'isPrototypeOf'];

/** A name that nothing of ours has a meaning for, and no object inherits. */
export const UNKNOWN = 'nobodyKnowsIt';

/** What differs between two requests that say the same under other names, and may. */
function told(text: string, name: string): string {
  const ids =
    /\b(?:app-\d+|\d{4}-\d\d-\d\dT[\d:.]+Z|[0-9a-f]{64}|[0-9a-f]{24}|[0-9a-f-]{36}|[0-9A-HJKMNP-TV-Z]{26}|[\w-]{43,})\b|\breq-\w+/g;
  return text.replace(new RegExp(name, 'gi'), '<name>').replaceAll(ids, '<id>');
}

/** Words to search by are parts of the name; a worker takes any of the slots for its counts. */
const BY_CHANCE = new Set(['words', 'slot']);

/** A document or an answer with `<name>` for the name, and without ids and moments. */
function comparable(value: unknown, name: string): unknown {
  if (typeof value === 'string') return told(value, name);
  if (value instanceof ObjectId || value instanceof Binary || value instanceof Date) return value.constructor.name;
  if (typeof value !== 'object' || value === null || value instanceof Long) return value;
  if (Array.isArray(value)) return value.map((each) => comparable(each, name));
  const entries = Object.entries(value)
    .filter(([key]) => !BY_CHANCE.has(key))
    .map(([key, each]) => [told(key, name), comparable(each, name)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Without the collections that a name does not get into; `daily_usage` is written later. */
const OURS = /^(system|ingest_spool|app_|audit_log|counters|daily_usage)/;

const SUM = [{ $group: { _id: ['$kind', '$hour', '$eventType', '$eventName'], count: { $sum: '$count' } } }];

/** All that is stored of an app, by collection. */
async function rowsOf(db: Db, appId: ObjectId): Promise<Record<string, Document[]>> {
  const found: Record<string, Document[]> = {};
  for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
    if (OURS.test(name)) continue;
    const rows = await db
      .collection(name)
      .aggregate([{ $match: { $or: [{ appId }, { 'meta.appId': appId }] } }, ...(name === 'event_rollups' ? SUM : [])])
      .toArray();
    if (rows.length > 0) found[name] = rows;
  }
  return found;
}

/** What is answered to one who uses `name` in many places, and what is stored then, for comparing with another name. */
export async function outcome(
  { db, flushes, storeAll }: Ingest,
  from: Sender,
  name: string,
  send: (from: Sender, name: string) => Promise<readonly Answer[]>,
) {
  const answers = await send(from, name);
  await storeAll();
  const rows = Object.entries(await rowsOf(db, from.app.id)).map(
    ([collection, documents]) =>
      [collection, documents.map((each) => JSON.stringify(comparable(each, name))).sort()] as const,
  );
  return {
    answers: answers.map(({ status, raw }) => `${String(status)} ${told(raw.toString(), name)}`),
    flushes: (await flushes.find({ 'batches.appId': from.app.id }).toArray()).map(({ state }) => state),
    rows: Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}
