import { BSON, type Document } from 'mongodb';

/** The documents that `bytes` holds one after the other, each still as BSON. */
export function* bsonDocuments(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const length = view.getInt32(at, true);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

export const decoded = (document: Uint8Array): Document => BSON.deserialize(document);

/** How many bytes a value takes as BSON. */
export const bsonBytes = (value: Document): number => BSON.calculateObjectSize(value);

/** The driver takes an object with this key for one of its own types; a `Map` it takes for what it holds. */
export function asData<T>(map: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  if (!Object.hasOwn(map, '_bsontype')) return map;
  return new Map(Object.entries(map)) as unknown as Readonly<Record<string, T>>;
}

/** A document with more fields behind those it has, which must not have them yet. It is not decoded for it. */
export function withFields(document: Uint8Array, fields: Document): Uint8Array {
  const added = BSON.serialize(fields);
  // Length in front and a zero at the end are of each; between them are the fields.
  const joined = Buffer.allocUnsafe(document.length + added.length - 5);
  joined.set(document, 0);
  joined.set(added.subarray(4), document.length - 1);
  joined.writeInt32LE(joined.length, 0);
  return joined;
}
