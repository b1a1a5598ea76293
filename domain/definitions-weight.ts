import type { Definitions, FlagCondition } from './flag.js';
import { PATTERN_BYTES } from './pattern.js';

const FLAG_BYTES = 1_000;
const RULE_BYTES = 600;
const CONDITION_BYTES = 400;
const VALUE_BYTES = 80;

/** What definitions take in memory when they are compiled, about; cheaper than to write them down and count. */
export function definitionsWeight({ flags, segments }: Definitions): number {
  let bytes = FLAG_BYTES;
  const add = (conditions: readonly FlagCondition[]): void => {
    for (const { operator, values } of conditions) {
      bytes += CONDITION_BYTES;
      if (operator === 'matches') bytes += PATTERN_BYTES * values.length;
      for (const value of values) bytes += VALUE_BYTES + value.length * 2;
    }
  };
  for (const { rules, defaultValue } of flags) {
    bytes += FLAG_BYTES + valueBytes(defaultValue);
    for (const { conditions, value, variants = [] } of rules) {
      bytes += RULE_BYTES + valueBytes(value);
      for (const variant of variants) bytes += VALUE_BYTES + valueBytes(variant.value);
      add(conditions);
    }
  }
  for (const { clauses } of segments) for (const { conditions } of clauses) add(conditions);
  return bytes;
}

/** With the pieces of answers that are written of it. Primitives but for long texts weigh nothing worth counting. */
function valueBytes(value: unknown): number {
  if (typeof value === 'string') return value.length * 6;
  return typeof value === 'object' && value !== null ? JSON.stringify(value).length * 8 : 0;
}
