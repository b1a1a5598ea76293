import { Double, Int32, Long, ObjectId, type Document } from 'mongodb';
import type { SeedFields, SeedType } from './seed.js';

/** A document with one thing changed, and what that was. */
export interface Sample {
  readonly what: string;
  readonly document: Document;
}

let counter = 0;

/** A document that the seed allows. Every text and id is new, so that unique indexes never play a part. */
export function sampleOf(fields: SeedFields): Document {
  return Object.fromEntries(Object.entries(fields).map(([field, type]) => [field, goodValues(type)[0]]));
}

/** The same with each other value that the seed allows somewhere, one at a time. */
export function goodSamples(fields: SeedFields): Sample[] {
  return variants(fields, goodValues);
}

/** The same with each field left out, and with each of its wrong values, one at a time, at every depth. */
export function badSamples(fields: SeedFields): Sample[] {
  return [
    ...paths(fields).map(({ path }) => ({
      what: `without ${path.join('.')}`,
      document: without(sampleOf(fields), path),
    })),
    ...variants(fields, badValues),
  ].filter(({ document }) => document['_id'] != null); // where there is none, the driver makes one
}

interface Place {
  readonly path: readonly (string | number)[];
  readonly type: SeedType;
}

/** Each field with its type, also inside embedded documents and the elements of arrays. */
function paths(fields: SeedFields): Place[] {
  return Object.entries(fields).flatMap(([field, type]) => {
    const deeper = (inner: SeedType, path: (string | number)[]): Place[] => {
      if (isArray(inner)) return deeper(inner[0], [...path, 0]);
      if (typeof inner === 'string') return [];
      return paths(inner).map((place) => ({ ...place, path: [...path, ...place.path] }));
    };
    return [{ path: [field], type }, ...deeper(type, [field])];
  });
}

function variants(fields: SeedFields, valuesOf: (type: SeedType) => unknown[]): Sample[] {
  return paths(fields).flatMap(({ path, type }) =>
    valuesOf(type).map((value) => ({
      what: `${path.join('.')} = ${JSON.stringify(value)}`,
      document: replaced(sampleOf(fields), path, value),
    })),
  );
}

function goodValues(type: SeedType): unknown[] {
  if (isArray(type)) return [[goodValues(type[0])[0]], []];
  if (typeof type !== 'string') return [sampleOf(type)];
  const literals = literalsOf(type);
  if (literals.length > 0) return literals;
  if (type.endsWith(' | null')) return [goodValues(type.slice(0, -7))[0], null];
  counter++;
  switch (type) {
    case 'string':
      return [`text ${String(counter)}`];
    case 'number':
      return [new Int32(1 + (counter % 90)), new Double(1.5), Long.fromNumber(7)];
    case 'boolean':
      return [true, false];
    case 'ObjectId':
      return [new ObjectId()];
    case 'Date':
      return [new Date()];
    case 'any':
      return ['x', 1, false, null, { a: [1] }];
    case 'AdvancedTheme':
      return [{ color: { $type: 'color' } }, {}];
    case 'Record<string, string>':
      return [{ a: 'b', $c: 'd', 'e.f': '' }, {}];
    case 'Record<string, any>':
      return [{ 'new-checkout-ui': true, 'checkout-limit': 100 }, {}];
    default:
      throw new Error(`the seed has no type ${type}`);
  }
}

function badValues(type: SeedType): unknown[] {
  if (isArray(type)) return ['text', null, {}, ...badValues(type[0]).map((value) => [value])];
  if (typeof type !== 'string') return ['text', null, []];
  if (literalsOf(type).length > 0) return ['something_else', null, 1, ''];
  if (type.endsWith(' | null')) return badValues(type.slice(0, -7)).filter((value) => value !== null);
  switch (type) {
    case 'any':
      return [];
    case 'string':
    case 'AdvancedTheme':
    case 'Record<string, any>':
      return [1, null, true];
    case 'Record<string, string>':
      return ['text', null, { a: 1 }, { a: null }];
    default:
      return ['text', null, {}];
  }
}

function literalsOf(type: string): string[] {
  return [...type.matchAll(/'(\w+)'/g)].map(([, word]) => String(word));
}

const isArray = (type: SeedType): type is readonly [SeedType] => Array.isArray(type);

function replaced(document: Document, path: Place['path'], value: unknown): Document {
  parentOf(document, path)[String(path.at(-1))] = value;
  return document;
}

function without(document: Document, path: Place['path']): Document {
  // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- the field is what the test is about
  delete parentOf(document, path)[String(path.at(-1))];
  return document;
}

function parentOf(document: Document, path: Place['path']): Document {
  return path.slice(0, -1).reduce<Document>((parent, step) => parent[String(step)] as Document, document);
}
