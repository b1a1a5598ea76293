import type { FlagCondition, FlagContext, Segment } from './flag.js';
import type { FlagFault } from './flag-check.js';
import { type Operator, OPERATORS, type ValueCount } from './flag-operators.js';
import { type Cell, readerOf, type Subject, TARGETING_KEY } from './flag-subject.js';
import { lookup } from './loose.js';

/** A condition or a segment, ready to be asked with what the subject has in the slot. Never throws. */
export interface Check {
  readonly slot: number;
  readonly test: (cell: Cell, subject: Subject) => boolean;
}

const SEGMENT_OPERATORS: ReadonlyMap<string, boolean> = new Map([
  ['in_segment', true],
  ['not_in_segment', false],
]);

export const operatorOf = (name: string): Operator | undefined => lookup<Operator>(OPERATORS, name);

export const isFault = (compiled: Check | FlagFault): compiled is FlagFault => 'why' in compiled;

/**
 * Compiles the conditions of all flags of an app together: equal ones are one, an attribute is read once for a context,
 * and costly answers are kept for it.
 */
export function conditionCompiler(segments: readonly Segment[]) {
  const slots = new Map<string, number>();
  const readers: Reader[] = [];
  const known = new Map<string, Check | FlagFault>();
  const inSegment = new Map<string, Check | FlagFault>();
  let memos = 0;

  function slotOf(attribute: string): number {
    const slot = slots.get(attribute);
    if (slot !== undefined) return slot;
    slots.set(attribute, readers.length);
    return readers.push(readerOf(attribute)) - 1;
  }

  function kept({ slot, test }: Check): Check {
    const place = memos++;
    return {
      slot,
      test: (cell, subject) => {
        const answer = subject.memo[place];
        if (answer !== 0) return answer === 2;
        const holds = test(cell, subject);
        subject.memo[place] = holds ? 2 : 1;
        return holds;
      },
    };
  }

  function compileAttribute(condition: FlagCondition): Check | FlagFault {
    const { attribute, values, caseInsensitive = false } = condition;
    const operator = operatorOf(condition.operator);
    if (operator === undefined) return { path: '/operator', why: `no operator is called ${condition.operator}` };
    if (attribute === '') return { path: '/attribute', why: 'an attribute is needed' };
    if (operator.count !== 'any' && operator.count !== values.length)
      return { path: '/values', why: COUNTS[operator.count] };
    const test = operator.compile(values, caseInsensitive);
    if (typeof test === 'string') return { path: '/values', why: test };
    const check: Check = { slot: slotOf(attribute), test };
    return operator.costly ? kept(check) : check;
  }

  function compileMembership({ values }: FlagCondition, wanted: boolean): Check | FlagFault {
    const checks: Check[] = [];
    for (const key of values) {
      const check = inSegment.get(key);
      if (check === undefined) return { path: '/values', why: `no segment is called ${key}` };
      if (isFault(check)) return { path: '/values', why: `segment ${key}: ${check.path} ${check.why}` };
      checks.push(check);
    }
    return {
      slot: slotOf(TARGETING_KEY),
      test: (cell, subject) => checks.some(({ test }) => test(cell, subject)) === wanted,
    };
  }

  function compile(condition: FlagCondition): Check | FlagFault {
    const { attribute, operator, values, caseInsensitive = false } = condition;
    const name = JSON.stringify([attribute, operator, caseInsensitive, values]);
    let compiled = known.get(name);
    if (compiled === undefined) {
      const wanted = SEGMENT_OPERATORS.get(operator);
      compiled = wanted === undefined ? compileAttribute(condition) : compileMembership(condition, wanted);
      known.set(name, compiled);
    }
    return compiled;
  }

  /** One of a segment. */
  const compileWithin = (condition: FlagCondition): Check | FlagFault =>
    SEGMENT_OPERATORS.has(condition.operator) ? { path: '/operator', why: 'segments do not nest' } : compile(condition);

  /** Those for whom all conditions of any one clause hold. */
  function compileSegment({ clauses }: Segment): Check | FlagFault {
    const compiled: (readonly Check[])[] = [];
    for (const [c, { conditions }] of clauses.entries()) {
      const checks: Check[] = [];
      for (const [i, condition] of conditions.entries()) {
        const check = compileWithin(condition);
        if (isFault(check)) return { path: `/clauses/${c}/conditions/${i}${check.path}`, why: check.why };
        checks.push(check);
      }
      compiled.push(checks);
    }
    return kept({
      slot: slotOf(TARGETING_KEY),
      test: (_cell, subject) => compiled.some((checks) => holdsAll(checks, subject)),
    });
  }

  for (const segment of segments) inSegment.set(segment.key, compileSegment(segment));

  return {
    slotOf,
    compile,
    compileWithin,
    /** When everything is compiled; what was only needed for that is let go. */
    subjects(): (context: FlagContext) => Subject {
      known.clear();
      const fresh = memos;
      return (context) => ({
        context,
        readers,
        cells: new Array<Cell | undefined>(readers.length),
        memo: fresh === 0 ? NO_MEMO : new Uint8Array(fresh),
      });
    },
  };
}

export type ConditionCompiler = ReturnType<typeof conditionCompiler>;

type Reader = Subject['readers'][number];

const NO_MEMO = new Uint8Array(0);

const COUNTS: Readonly<Record<Exclude<ValueCount, 'any'>, string>> = {
  0: 'this operator takes no values',
  1: 'this operator takes one value',
  2: 'this operator takes two values',
};

/** What the subject has in a slot, read when it is first asked for. */
export const cellAt = (subject: Subject, slot: number): Cell =>
  (subject.cells[slot] ??= (subject.readers[slot] as Reader)(subject.context));

export const holds = ({ slot, test }: Check, subject: Subject): boolean => test(cellAt(subject, slot), subject);

export function holdsAll(checks: readonly Check[], subject: Subject): boolean {
  for (const check of checks) if (!holds(check, subject)) return false;
  return true;
}
