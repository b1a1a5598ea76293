import { RE2JS } from 're2js';
import type { CellTest } from './flag-operators.js';
import { compile, PATTERN_BYTES, PATTERNS } from './pattern.js';
import { remembered } from './remembered.js';

/** A longer text is of a wrong type for `matches`: a piece of it would match other things than the whole. */
const MOST_TEXT_CHARS = 1_024;

interface Pattern {
  readonly instructions: number;
  readonly test: (text: string) => boolean;
}

function patternOf(pattern: string, flags: number): Pattern | undefined {
  const compiled = compile(pattern, flags);
  return compiled && { instructions: compiled.matcher('').programSize(), test: (text) => compiled.test(text) };
}

/** Of a pattern itself, for each of its instructions. */
const INSTRUCTION_BYTES = 500;

const weightOf = (pattern: Pattern | undefined): number =>
  pattern === undefined ? 0 : PATTERN_BYTES + INSTRUCTION_BYTES * pattern.instructions;

// A version of the definitions mostly has the patterns of the one before.
const exact = remembered((pattern) => patternOf(pattern, 0), weightOf);
const folded = remembered((pattern) => patternOf(pattern, RE2JS.CASE_INSENSITIVE), weightOf);

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
