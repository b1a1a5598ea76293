/** The documents that `bytes` holds one after the other, each still as BSON. */
export function* bsonDocuments(bytes: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length;) {
    const length = view.getInt32(at, true);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/** The driver takes an object with this key for one of its own types; a `Map` it takes for what it holds. */
export function asData<T>(map: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  if (!Object.hasOwn(map, '_bsontype')) return map;
  return new Map(Object.entries(map)) as unknown as Readonly<Record<string, T>>;
}
