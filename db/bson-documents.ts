import { BSON, type Document } from 'mongodb';

/** Of a document without a field. */
const LEAST_BYTES = 5;

/** The documents that `bytes` holds one after the other, each still as BSON. @throws RangeError where it holds others */
export function* bsonDocuments(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const length = view.getInt32(at, true);
    if (length < LEAST_BYTES || at + length > bytes.length)
      throw new RangeError(`no document of ${String(length)} bytes`);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

export const decoded = (document: Uint8Array): Document => BSON.deserialize(document);

/** The driver takes an object with this key for one of its own types; a `Map` it takes for what it holds. */
export function asData<T>(map: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  if (!Object.hasOwn(map, '_bsontype')) return map;
  return new Map(Object.entries(map)) as unknown as Readonly<Record<string, T>>;
}

/** As the driver does it in commands: what is undefined becomes null. */
export const encoded = (document: Document): Uint8Array => BSON.serialize(document, { ignoreUndefined: false });

/** A document with more fields behind those it has, which must not have them yet. It is not decoded for it. */
export const withFields = (document: Uint8Array, fields: Document): Uint8Array =>
  joinedDocuments([[document, BSON.serialize(fields)]]);

/** Documents one after the other, each with the fields of two. */
export function joinedDocuments(pairs: readonly (readonly [Uint8Array, Uint8Array])[]): Uint8Array {
  // Length in front and a zero at the end are of each; between them are the fields.
  const joined = Buffer.allocUnsafe(pairs.reduce((sum, [first, second]) => sum + first.length + second.length - 5, 0));
  let at = 0;
  for (const [first, second] of pairs) {
    const length = first.length + second.length - 5;
    joined.set(first, at);
    joined.set(second.subarray(4), at + first.length - 1);
    joined.writeInt32LE(length, at);
    at += length;
  }
  return joined;
}
