import type { Binary, Document, ObjectId } from 'mongodb';

declare const type: unique symbol;

/** A `$jsonSchema` fragment that remembers which TypeScript type it admits, so that `documentOf` can compare the two. */
export interface Schema<T> extends Document {
  /** In and out, so that a schema is neither wider nor narrower than its type. */
  readonly [type]?: (value: T) => T;
}

interface Optional<T> extends Schema<T> {
  readonly optional: true;
}

/** A schema for each field of T: `optional(...)` exactly where T has a `?`. */
type Fields<T> = {
  readonly [K in keyof T]-?: Partial<Pick<T, K>> extends Pick<T, K>
    ? Optional<Exclude<T[K], undefined>>
    : Schema<T[K]> & { readonly optional?: never };
};

export const string: Schema<string> = { bsonType: 'string' };
export const boolean: Schema<boolean> = { bsonType: 'bool' };
export const date: Schema<Date> = { bsonType: 'date' };
export const objectId: Schema<ObjectId> = { bsonType: 'objectId' };
export const binary: Schema<Binary> = { bsonType: 'binData' };
export const anything: Schema<unknown> = {};

/** Whatever the driver makes of a number: `int` where it fits, else `double`, or a `long` given on purpose. */
export const number: Schema<number> = { bsonType: 'number' };

export const oneOf = <const V extends string>(values: readonly V[]): Schema<V> => ({ enum: [...values] });

export const arrayOf = <T>(items: Schema<T>): Schema<readonly T[]> => ({ bsonType: 'array', items });

export const mapOf = <T>(values: Schema<T>): Schema<Readonly<Record<string, T>>> => ({
  bsonType: 'object',
  additionalProperties: values,
});

export const nullable = <T>(schema: Schema<T>): Schema<T | null> => ({ anyOf: [schema, { bsonType: 'null' }] });

export const optional = <T>(schema: Schema<T>): Optional<T> => ({ ...schema, optional: true });

/**
 * A document with these fields. A field that T lacks, has with another type, or has as optional is a compile error, so
 * type and validator cannot drift apart. Fields that are not listed are allowed: a newer version may add some.
 */
export function documentOf<T>(fields: Fields<T>): Schema<T> {
  const required: string[] = [];
  const properties = Object.fromEntries(
    Object.entries<Document>(fields).map(([name, { optional: isOptional, ...schema }]) => {
      if (isOptional !== true) required.push(name);
      return [name, schema];
    }),
  );
  return { bsonType: 'object', properties, ...(required.length > 0 && { required }) }; // MongoDB refuses an empty list
}
