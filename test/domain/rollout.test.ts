import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { DEFAULT_GUARD } from '../../domain/guard.js';
import {
  ACTIVE_STATES,
  holdMs,
  isActive,
  lookEveryMs,
  openFault,
  type OpenMessage,
  planFault,
  ROLLOUT_BOUNDS,
  ROLLOUT_STATES,
  ROLLOUT_TRANSITIONS,
  ROLLOUT_VERBS,
  type RolloutMessage,
  rolloutMessageFault,
  type RolloutPlan,
  rolloutRefusal,
  type RolloutState,
  settleMs,
} from '../../domain/rollout.js';
import { dueOf, nextStep, rolloutDetails, type RolloutLook, type RolloutView } from '../../domain/rollout-view.js';

const page = readFileSync(new URL('../../docs/rollouts.md', import.meta.url), 'utf8');
const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

describe('what a verb does to a rollout', () => {
  const lines = page.split('\n').filter((line) => /^\| `(approve|pause|resume|skip|abort)` /.test(line));
  const header = page.split('\n').find((line) => line.startsWith('| Verb ')) ?? '';
  const states = cellsOf(header).slice(1) as RolloutState[];

  it('is written down for every verb and state', () => {
    assert.deepEqual(states, [...ROLLOUT_STATES]);
    assert.deepEqual(
      lines.map((line) => cellsOf(line)[0]),
      ROLLOUT_VERBS.map((verb) => `\`${verb}\``),
    );
  });

  for (const [index, verb] of ROLLOUT_VERBS.entries()) {
    const written = cellsOf(lines[index] ?? '').slice(1);
    for (const [column, state] of states.entries()) {
      it(`${verb} on a rollout that is ${state}: ${String(written[column])}`, () => {
        assert.equal(ROLLOUT_TRANSITIONS[verb][state], written[column]);
      });
    }
  }

  it('is nothing after the end', () => {
    for (const verb of ROLLOUT_VERBS)
      for (const state of ROLLOUT_STATES.filter((each) => !isActive(each)))
        assert.match(ROLLOUT_TRANSITIONS[verb][state], /^(refused|unchanged)$/);
    assert.deepEqual(ROLLOUT_STATES.filter(isActive), [...ACTIVE_STATES]);
  });

  it('is refused with a reason', () => {
    assert.match(rolloutRefusal('pause', 'done'), /over/);
    assert.match(rolloutRefusal('skip', 'asking'), /edited/);
    assert.match(rolloutRefusal('skip', 'paused'), /resumed/);
    assert.match(rolloutRefusal('resume', 'proposed'), /second person/);
  });

  it('is described for every state', () => {
    for (const state of ROLLOUT_STATES) assert.match(page, new RegExp(`^\\| \`${state}\` `, 'm'), state);
  });
});

const PLAN: RolloutPlan = {
  steps: [
    { percent: 5, holdMinutes: 10 },
    { percent: 25, holdMinutes: 60 },
    { percent: 100, holdMinutes: 60, holdSeconds: 8 },
  ],
  guard: DEFAULT_GUARD,
};

describe('the shape of a plan', () => {
  const step = { percent: 5, holdMinutes: 10 };
  const bad: readonly Partial<RolloutPlan>[] = [
    { steps: [] },
    { steps: Array.from({ length: ROLLOUT_BOUNDS.steps + 1 }, (_, index) => ({ ...step, percent: index + 1 })) },
    { steps: [step, step] },
    { steps: [{ ...step, percent: 25 }, step] },
    { steps: [{ ...step, percent: 0 }] },
    { steps: [{ ...step, percent: 1.5 }] },
    { steps: [{ ...step, percent: 101 }] },
    { steps: [{ ...step, holdMinutes: 0 }] },
    { steps: [{ ...step, holdMinutes: Infinity }] },
    { steps: [{ ...step, holdSeconds: 0 }] },
    { steps: [{ ...step, percent: 100 }] },
    { guard: { ...DEFAULT_GUARD, metrics: [] } },
  ];

  it('is checked', () => {
    assert.equal(planFault(PLAN), undefined);
    for (const each of bad) assert.notEqual(planFault({ ...PLAN, ...each }), undefined, JSON.stringify(each));
    assert.equal(planFault({ steps: [{ ...step, percent: 100 }], guard: null }), undefined, 'by the clock alone');
  });

  it('says when to look and for how long to compare', () => {
    const [first, , last] = PLAN.steps;
    assert.ok(first && last);
    assert.deepEqual([holdMs(first), holdMs(last)], [600_000, 8_000]);
    assert.deepEqual([lookEveryMs(first), lookEveryMs(last)], [60_000, 2_000]);
    assert.equal(settleMs(600_000, 60_000), 30_000);
    assert.equal(settleMs(1e9, 1e9), 3_600_000);
  });
});

describe('a message as it comes over the wire', () => {
  const id = '0123456789abcdef01234567';
  const request = { appId: id, flagKey: 'f', ruleId: 'r', plan: PLAN, startAtMs: null, note: null };
  const open: OpenMessage = { actor: id, requestId: '1', request };
  const verb: RolloutMessage = { actor: id, requestId: '1', verb: { name: 'abort', rule: 'back' } };

  it('is taken where it has the shape', () => {
    assert.equal(openFault(open), undefined);
    assert.equal(rolloutMessageFault(verb), undefined);
    assert.equal(rolloutMessageFault({ ...verb, verb: { name: 'skip' } }), undefined);
  });

  it('is refused where it has not', () => {
    const opens: unknown[] = [
      null,
      {},
      { ...open, actor: 'me' },
      { ...open, requestId: '' },
      { ...open, request: null },
      { ...open, request: { ...request, flagKey: 7 } },
      { ...open, request: { ...request, startAtMs: 'soon' } },
      { ...open, request: { ...request, note: 'x'.repeat(501) } },
      { ...open, request: { ...request, plan: { steps: 'all' } } },
    ];
    for (const each of opens) assert.notEqual(openFault(each as OpenMessage), undefined, JSON.stringify(each));
    const verbs: unknown[] = [
      null,
      { ...verb, requestId: 'x'.repeat(251) },
      { ...verb, actor: undefined },
      { ...verb, verb: { name: 'explode' } },
      { ...verb, verb: { name: 'abort', rule: 'sideways' } },
      { ...verb, verb: undefined },
    ];
    for (const each of verbs)
      assert.notEqual(rolloutMessageFault(each as RolloutMessage), undefined, JSON.stringify(each));
  });
});

const T0 = Date.parse('2026-03-01T00:00:00Z');
const MINUTE = 60_000;
const view = (more: Partial<RolloutView> = {}): RolloutView => ({
  rolloutId: 'a'.repeat(24),
  appId: 'b'.repeat(24),
  app: 'shop',
  flagKey: 'checkout',
  ruleId: 'all',
  state: 'running',
  rev: 3,
  plan: PLAN,
  percentageBefore: 0,
  percentage: 5,
  startAtMs: null,
  step: 0,
  untilMs: T0 + 10 * MINUTE,
  windows: [{ step: 0, percent: 5, sinceMs: T0 }],
  look: null,
  lookCount: 0,
  decision: null,
  createdBy: 'c'.repeat(24),
  createdAtMs: T0,
  endedAtMs: null,
  ...more,
});
const look = (minute: number, hold: RolloutLook['hold'] = null, window = 0): RolloutLook => ({
  atMs: T0 + minute * MINUTE,
  window,
  percent: 5,
  metrics: [
    {
      name: 'errors',
      exposed: { profiles: 50, hit: 5 },
      control: { profiles: 950, hit: 10 },
      evidence: 12.3,
      needed: 25,
      harmed: false,
    },
  ],
  harm: null,
  hold,
  detail: null,
});

describe('what is due', () => {
  const due = (more: Partial<RolloutView>) => {
    const found = dueOf(view(more));
    return found && [found.what, (found.atMs - T0) / MINUTE];
  };

  it('is the start, at its time or at once', () => {
    assert.deepEqual(due({ state: 'scheduled', startAtMs: T0 + 5 * MINUTE, windows: [] }), ['start', 5]);
    assert.deepEqual(due({ state: 'scheduled', windows: [] }), ['start', 0]);
  });

  it('is a look each minute, also while somebody has paused it, or is asked', () => {
    assert.deepEqual(due({}), ['look', 1]);
    assert.deepEqual(due({ look: look(4) }), ['look', 5]);
    assert.deepEqual(due({ state: 'paused', untilMs: null, look: look(4) }), ['look', 5]);
    assert.deepEqual(due({ state: 'asking', untilMs: null, look: look(4) }), ['look', 5]);
  });

  it('is a last look when the time of the step is over, and the next step only after that', () => {
    assert.deepEqual(due({ look: look(9.5) }), ['look', 10]);
    assert.deepEqual(due({ look: look(10) }), ['advance', 10]);
    for (const hold of ['sample', 'ratio', 'lag', 'quota', 'failed'] as const)
      assert.deepEqual(due({ state: 'holding', look: look(10, hold) }), ['look', 11]);
  });

  it('does not take the last look of one window for one of the next', () => {
    const windows = [...view().windows, { step: 1, percent: 25, sinceMs: T0 + 10 * MINUTE }];
    assert.deepEqual(due({ windows, step: 1, untilMs: T0 + 70 * MINUTE, look: look(10) }), ['look', 11]);
  });

  it('is nothing where only people can go on', () => {
    assert.equal(due({ state: 'proposed', windows: [] }), undefined);
    for (const state of ROLLOUT_STATES.filter((each) => !isActive(each))) assert.equal(due({ state }), undefined);
  });

  it('goes to the first step that raises the percentage, wherever people have put it', () => {
    assert.equal(nextStep(PLAN, 0)?.index, 0);
    assert.equal(nextStep(PLAN, 5)?.index, 1);
    assert.equal(nextStep(PLAN, 40)?.index, 2);
    assert.equal(nextStep(PLAN, 100), undefined);
  });
});

describe('what the Temporal UI shows', () => {
  it('is the plan, where it is, and what the last look saw', () => {
    const text = rolloutDetails(view({ look: look(4, 'sample'), lookCount: 4 }));
    assert.match(text, /### `checkout` in shop, rule `all`/);
    assert.match(text, /\*\*running\*\* at 5 % until 2026-03-01T00:10:00Z, held back: too few profiles yet/);
    assert.match(text, /\| ▶ \| 5 % \| 10 min \| 2026-03-01T00:00:00Z \|/);
    assert.match(text, /\| errors \| 10.00 % \(5 of 50\) \| 1.05 % \(10 of 950\) \| 12.3 \| 25.0 \|/);
  });

  it('says why it ended', () => {
    const text = rolloutDetails(view({ state: 'reverted', percentage: 0, decision: { why: 'too many errors' } }));
    assert.match(text, /\*\*reverted\*\* at 0 %/);
    assert.match(text, /Decided: too many errors/);
  });
});
