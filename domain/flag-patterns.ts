import { RE2JS } from 're2js';
import type { CellTest } from './flag-operators.js';
import { PATTERNS } from './pattern.js';
import { remembered } from './remembered.js';

/** A longer text is of a wrong type for `matches`: a piece of it would match other things than the whole. */
const MOST_TEXT_CHARS = 1_024;

interface Pattern {
  readonly instructions: number;
  readonly test: (text: string) => boolean;
}

function compile(pattern: string, flags: number): Pattern | undefined {
  try {
    const compiled = RE2JS.compile(pattern, flags);
    return { instructions: compiled.matcher('').programSize(), test: (text) => compiled.test(text) };
  } catch {
    return undefined;
  }
}

// A version of the definitions mostly has the patterns of the one before.
const exact = remembered((pattern) => compile(pattern, 0));
const folded = remembered((pattern) => compile(pattern, RE2JS.CASE_INSENSITIVE));

/** The text has a piece that one of the patterns (RE2 syntax, linear time) matches; a text says what is wrong. */
export function patternTest(values: readonly string[], caseInsensitive: boolean): CellTest | string {
  if (values.length > PATTERNS.most) return `more than ${PATTERNS.most} patterns`;
  const patterns: Pattern[] = [];
  let instructions = 0;
  for (const value of values) {
    if (value.length > PATTERNS.chars) return `a pattern has more than ${PATTERNS.chars} characters`;
    const pattern = (caseInsensitive ? folded : exact)(value);
    if (pattern === undefined) return `${JSON.stringify(value)} is no pattern in RE2 syntax`;
    instructions += pattern.instructions;
    patterns.push(pattern);
  }
  if (instructions > PATTERNS.instructions) return 'the patterns are too large';
  return (cell) =>
    cell.kind === 'text' && cell.text.length <= MOST_TEXT_CHARS && patterns.some(({ test }) => test(cell.text));
}
