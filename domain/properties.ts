import { type Fault, LIMITS } from './limits.js';
import { type Json, own, tooDeep } from './loose.js';

/** Properties as text, as the data model has them, and the numeric ones as numbers too, so that sums are possible. */
export function flattened(properties: Json): { metadata: Record<string, string>; measures: Record<string, number> } {
  const metadata: Record<string, string> = {};
  const measures: Record<string, number> = {};
  let entries = 0;
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined) continue;
    // One too many is enough to refuse the event.
    if (++entries > LIMITS.mapEntries + 1) break;
    const plain = typeof value === 'string' ? value : JSON.stringify(value);
    own(metadata, key, plain);
    // JSON can spell a number that is none to us, and it would spoil every sum.
    if (typeof value === 'number' && Number.isFinite(value)) own(measures, key, value);
  }
  return { metadata, measures };
}

/**
 * What attributes take beside their bytes while they wait to be stored: they stay objects, and are all written in one
 * go, in which a name or a text costs as much as many numbers.
 */
const WEIGHTS = { name: 100, text: 80, group: 60, other: 10 } as const;

export function weightOf(value: unknown): number {
  if (typeof value === 'string') return WEIGHTS.text;
  if (typeof value !== 'object' || value === null) return WEIGHTS.other;
  const inner = Object.values(value);
  const names = Array.isArray(value) ? 0 : inner.length * WEIGHTS.name;
  return inner.reduce<number>((sum, each) => sum + weightOf(each), WEIGHTS.group + names);
}

/** Attributes are stored as they are, so what MongoDB cannot hold is refused here. */
export function attributesFault(attributes: Json): Fault | undefined {
  const entries = Object.keys(attributes).length;
  if (entries > LIMITS.mapEntries) return { code: 'FIELD_TOO_LONG', field: 'traits' };
  const bad = (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).some(([key, each]) => key.includes('\0') || key === '_bsontype' || bad(each));
  return tooDeep(attributes) || bad(attributes) ? { code: 'FIELD_INVALID', field: 'traits' } : undefined;
}
