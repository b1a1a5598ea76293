import { RE2JS } from 're2js';

/** Patterns of people run over whatever is thrown anywhere: linear time by RE2, and not too large for it. */
export const PATTERNS = { most: 20, chars: 200, instructions: 1_000 } as const;

/** What a pattern may remember of the texts it has met. Whoever sends texts could have it remember 8 MiB otherwise. */
export const PATTERN_BYTES = 128 * 1024;

interface Pattern {
  /** What a character may cost at worst. */
  readonly instructions: number;
  test(text: string): boolean;
  replaceAll(text: string, replacement: string): string;
}

/** Why these cannot be used, for whoever sets them; undefined when they can. */
export function patternFault(patterns: readonly string[]): string | undefined {
  let instructions = 0;
  for (const pattern of patterns) {
    const compiled = compile(pattern);
    if (compiled === undefined) return `${pattern} is no pattern in RE2 syntax`;
    if (compiled.test('')) return `${pattern} matches an empty text, and so every one`;
    instructions += compiled.matcher('').programSize();
  }
  if (instructions > PATTERNS.instructions) return 'the patterns are too large together';
  return patterns.length > 0 && anyOf(patterns) === undefined ? 'the patterns do not go together' : undefined;
}

/** All of them as one; those that are none are left out. */
export function anyOf(patterns: readonly string[], bytes = PATTERN_BYTES): Pattern | undefined {
  const sound = patterns.filter((pattern) => compile(pattern) !== undefined);
  const together = compile(sound.map((pattern) => `(?:${pattern})`).join('|'), 0, bytes);
  if (sound.length === 0 || together === undefined) return undefined;
  return {
    instructions: together.matcher('').programSize(),
    test: (text) => together.test(text),
    replaceAll: (text, replacement) =>
      together.matcher(text).replaceAll((match: string) => (match === '' ? '' : replacement)),
  };
}

/** Undefined where it is no pattern in RE2 syntax. @param bytes what it may remember of texts */
export function compile(pattern: string, flags = 0, bytes = PATTERN_BYTES): RE2JS | undefined {
  try {
    const compiled = RE2JS.compile(pattern, flags);
    const { dfa } = compiled.re2();
    dfa.stateBudget = dfa.memBudget = bytes;
    return compiled;
  } catch {
    return undefined;
  }
}
