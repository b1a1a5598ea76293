import { isObject, listOf, objectOf, textOf } from '../../../domain/loose.js';
import type { Target } from './body.js';
import type { Shape } from './shape.js';

/** Bodies for people are small. */
const MEMBER_BYTES = 256 * 1024;
/** But for those of routes that say otherwise. */
const LARGE: ReadonlyMap<string, number> = new Map([['POST /v1/apps/:appId/flag-import', 8 * 1024 * 1024]]);
/** Node takes no longer head. */
const QUERY_BYTES = 12_000;

const KNOWN: Readonly<Record<string, Shape>> = {
  operator: 'in',
  type: 'boolean',
  defaultValue: false,
  prerequisites: [],
  valueSchema: { type: 'object', properties: { a: { type: 'string', pattern: '^a+$' } }, required: ['a'] },
};

/** What the API says itself that it takes: a target for each route with a body or a query, with a valid seed. */
export function schemaTargets(openapi: unknown, known: ReadonlySet<string>): Target[] {
  return Object.entries(objectOf(objectOf(openapi)['paths'])).flatMap(([path, methods]) =>
    Object.entries(objectOf(methods)).flatMap(([method, operation]) => {
      const route = `${method.toUpperCase()} ${path.replaceAll('{*}', '*').replaceAll(/\{(\w+)\}/g, ':$1')}`;
      return known.has(route) ? [] : targetOf(route, objectOf(operation));
    }),
  );
}

function targetOf(route: string, operation: Readonly<Record<string, unknown>>): Target[] {
  const bytes = LARGE.get(route) ?? MEMBER_BYTES;
  const base = { route, by: 'member', weight: 1, sentBytes: bytes, inflatedBytes: bytes } as const;
  const content = objectOf(objectOf(operation['requestBody'])['content']);
  const { schema } = objectOf(content['application/json']);
  if (schema !== undefined) return [{ ...base, formats: ['json'], seed: sampleOf('', schema) }];
  // Fastify reads a body that nobody asks for too.
  if (route.startsWith('POST ')) return [{ ...base, formats: ['json'], seed: { a: 1 } }];
  const parameters = listOf(operation['parameters'])
    .filter(isObject)
    .filter((each) => each['in'] === 'query' || each['in'] === 'path');
  if (!parameters.some((each) => each['in'] === 'query')) return [];
  const entries = parameters.map((each): [string, Shape] => {
    const name = textOf(each['name']);
    return each['in'] === 'path' ? [`:${name}`, null] : [name, sampleOf(name, each['schema'])];
  });
  const seed = Object.fromEntries(entries.filter(([name]) => !name.startsWith(':')));
  return [{ ...base, formats: ['query'], seed, inflatedBytes: QUERY_BYTES }];
}

/** A value that the schema takes, with everything in it that it may have. */
function sampleOf(name: string, schema: unknown): Shape {
  const known = KNOWN[name];
  if (known !== undefined && Object.hasOwn(KNOWN, name)) return known;
  const of = objectOf(schema);
  const choice: unknown = listOf(of['anyOf'] ?? of['oneOf'])[0];
  if (choice !== undefined) return sampleOf(name, choice);
  if (Array.isArray(of['enum'])) return (of['enum'] as Shape[])[0] ?? null;
  if (of['const'] !== undefined) return of['const'] as Shape;
  switch (of['type']) {
    case 'object': {
      const properties = Object.entries(objectOf(of['properties']));
      return Object.fromEntries(properties.map(([key, inner]) => [key, sampleOf(key, inner)]));
    }
    case 'array':
      return [sampleOf(name, of['items'])];
    case 'string':
      return textFor(of);
    case 'integer':
    case 'number':
      return typeof of['minimum'] === 'number' ? Math.max(1, of['minimum']) : 1;
    case 'boolean':
      return true;
    default:
      return { a: 1 };
  }
}

function textFor({ format, pattern, default: usual }: Readonly<Record<string, unknown>>): string {
  if (typeof usual === 'string') return usual;
  if (format === 'date-time') return '2026-01-01T00:00:00.000Z';
  if (format === 'uri') return 'https://example.com/';
  const text = ['a', 'f'.repeat(24), 'shop', 'a@example.com', 'a'.repeat(64), '00000000-0000-4000-8000-000000000000'];
  return text.find((each) => typeof pattern !== 'string' || new RegExp(pattern, 'u').test(each)) ?? 'a';
}
