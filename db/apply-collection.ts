import { isDeepStrictEqual } from 'node:util';
import { MongoServerError, type CollectionInfo, type Db, type Document, type IndexDescription } from 'mongodb';
import { lookup } from '../domain/loose.js';
import type { CollectionSpec } from './collection.js';

const NAMESPACE_EXISTS = 48;

/** What makes two indexes different, apart from the key and whether documents expire. */
const TRAITS = ['unique', 'sparse', 'partialFilterExpression', 'collation', 'wildcardProjection'] as const;

/**
 * Makes the live collection what its spec says, and answers with what it had to change. Idempotent: what is as it should
 * be is left alone, and so is what we know nothing of (indexes of others, a time to live that was set since).
 * @throws Error where only an upgrade or a person can help: another kind of collection, a changed index.
 */
export async function applyCollection(db: Db, spec: CollectionSpec): Promise<string[]> {
  const changes: string[] = [];
  const live = await describe(db, spec.name);
  if (live !== undefined) {
    refuseOtherKind(spec, live);
    if (await updateValidator(db, spec, live)) changes.push(`${spec.name}: validator`);
  } else if (await create(db, spec)) {
    changes.push(`${spec.name}: created`);
  } else {
    return applyCollection(db, spec); // someone's first insert made it in this moment
  }
  for (const name of await applyIndexes(db, spec)) changes.push(`${spec.name}: index ${name}`);
  return changes;
}

async function describe(db: Db, name: string): Promise<CollectionInfo | undefined> {
  const [info] = await db.listCollections<CollectionInfo>({ name }).toArray();
  return info;
}

async function create(db: Db, spec: CollectionSpec): Promise<boolean> {
  try {
    await db.createCollection(spec.name, { ...spec.options, ...validation(spec) });
    return true;
  } catch (error) {
    if (error instanceof MongoServerError && error.code === NAMESPACE_EXISTS) return false;
    throw error;
  }
}

function validation({ jsonSchema }: CollectionSpec): Document {
  if (jsonSchema === undefined) return {};
  return { validator: { $jsonSchema: jsonSchema }, validationLevel: 'strict', validationAction: 'error' };
}

function refuseOtherKind({ name, options }: CollectionSpec, live: CollectionInfo): void {
  const wanted: Document | undefined = options?.timeseries;
  const kind = wanted === undefined ? 'collection' : 'timeseries';
  if (live.type !== kind) throw new Error(`collection ${name} is a ${live.type ?? 'thing'} and should be a ${kind}`);

  const { timeseries: found = {} }: { timeseries?: Document } = live.options ?? {};
  for (const [option, value] of Object.entries(wanted ?? {})) {
    const made = lookup<unknown>(found, option);
    if (made === value) continue;
    throw new Error(
      `collection ${name} was made with ${option} ${String(made)} and the code needs ${String(value)}: ` +
        'it is fixed at creation, so the documents have to be copied to a new collection',
    );
  }
}

async function updateValidator(db: Db, spec: CollectionSpec, live: CollectionInfo): Promise<boolean> {
  const options: Document = live.options ?? {};
  const wanted = validation(spec);
  if (Object.entries(wanted).every(([option, value]) => isDeepStrictEqual(lookup<unknown>(options, option), value)))
    return false;
  await db.command({ collMod: spec.name, ...wanted });
  return true;
}

async function applyIndexes(db: Db, { name: collection, indexes }: CollectionSpec): Promise<string[]> {
  const missing: IndexDescription[] = [];
  const live = await db.collection(collection).indexes();

  for (const index of indexes) {
    const found = live.find(({ name }) => name === index.name) ?? live.find((other) => same(index, other));
    if (found === undefined) {
      missing.push(index);
    } else if (!same(index, found)) {
      throw new Error(
        `index ${String(index.name)} of ${collection} is ${JSON.stringify(found)} and the code says ` +
          `${JSON.stringify(index)}: a changed index takes a new name, and an upgrade drops the old one`,
      );
    }
  }
  return missing.length === 0 ? [] : db.collection(collection).createIndexes(missing);
}

/** Whether they do the same. How long documents live is a setting, so only whether they end counts. */
function same(wanted: IndexDescription, found: Document): boolean {
  const alike =
    isDeepStrictEqual(Object.entries(wanted.key), Object.entries(found['key'] as Document)) &&
    (wanted.expireAfterSeconds === undefined) === (found['expireAfterSeconds'] === undefined);
  return alike && TRAITS.every((trait) => isDeepStrictEqual(found[trait] ?? false, wanted[trait] ?? false));
}
