import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ERROR_STATUSES, type ErrorState, refusalOf, type Transition, TRANSITIONS } from '../../domain/error-status.js';
import {
  ERROR_VERBS,
  type ErrorVerb,
  liesAhead,
  messageFault,
  VERB_BOUNDS,
  verbFault,
} from '../../domain/error-verb.js';

const page = readFileSync(new URL('../../docs/error-groups.md', import.meta.url), 'utf8');
const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

describe('what a verb does in a state', () => {
  const lines = page.split('\n').filter((line) => /^\| `\w+` /.test(line));
  const header = page.split('\n').find((line) => line.startsWith('| Verb ')) ?? '';
  const states = cellsOf(header).slice(1) as ErrorState[];

  it('is written down for every verb and state', () => {
    assert.deepEqual(states, [...ERROR_STATUSES, 'merged']);
    assert.deepEqual(
      lines.map((line) => cellsOf(line)[0]),
      ERROR_VERBS.map((verb) => `\`${verb}\``),
    );
  });

  for (const [index, verb] of ERROR_VERBS.entries()) {
    const written = cellsOf(lines[index] ?? '').slice(1);
    for (const [column, state] of states.entries()) {
      it(`${verb} on a ${state} group: ${String(written[column])}`, () => {
        assert.equal(TRANSITIONS[verb][state], written[column]);
      });
    }
  }

  it('is never the same status by another name', () => {
    for (const verb of ERROR_VERBS) {
      for (const status of ERROR_STATUSES) assert.notEqual(TRANSITIONS[verb][status], status satisfies Transition);
    }
  });

  it('is refused with a reason', () => {
    assert.match(refusalOf('ignore', 'resolved'), /reopened/);
    assert.match(refusalOf('comment', 'merged'), /merged into another/);
    assert.match(refusalOf('unmerge', 'new'), /not merged/);
  });
});

const NOW = Date.parse('2026-03-01T00:00:00Z');
const ID = '0123456789abcdef01234567';

describe('the shape of a verb', () => {
  const good: readonly ErrorVerb[] = [
    { name: 'assign', assignee: ID },
    { name: 'assign', assignee: null },
    { name: 'comment', text: 'x'.repeat(VERB_BOUNDS.commentLength) },
    { name: 'investigate' },
    { name: 'reopen' },
    { name: 'unmerge' },
    { name: 'resolve', in: 'now' },
    { name: 'resolve', in: 'next_release' },
    { name: 'resolve', in: 'release', release: 'app@1.0.0' },
    { name: 'ignore' },
    { name: 'ignore', untilMs: NOW + 1, occurrences: 1, profiles: 1, window: { count: 1, minutes: 5 } },
    { name: 'merge', into: ID },
  ];
  for (const verb of good) {
    it(`is right: ${JSON.stringify(verb).slice(0, 90)}`, () => assert.equal(verbFault(verb), undefined));
  }

  const bad: readonly ErrorVerb[] = [
    { name: 'assign', assignee: 'somebody' },
    { name: 'comment', text: ' \n' },
    { name: 'comment', text: 'x'.repeat(VERB_BOUNDS.commentLength + 1) },
    { name: 'resolve', in: 'release', release: '' },
    { name: 'resolve', in: 'release', release: 'x'.repeat(VERB_BOUNDS.releaseLength + 1) },
    { name: 'ignore', untilMs: 0 },
    { name: 'ignore', untilMs: Number.NaN },
    { name: 'ignore', untilMs: 1.5 },
    { name: 'ignore', occurrences: 0 },
    { name: 'ignore', occurrences: 1.5 },
    { name: 'ignore', profiles: -1 },
    { name: 'ignore', window: { count: 0, minutes: 5 } },
    { name: 'ignore', window: { count: 1, minutes: 4 } },
    { name: 'ignore', window: { count: 1, minutes: 7 * 24 * 60 + 1 } },
    { name: 'merge', into: '' },
  ];
  for (const verb of bad) {
    it(`is wrong: ${JSON.stringify(verb).slice(0, 90)}`, () => {
      assert.equal(typeof verbFault(verb), 'string');
    });
  }

  it('ends an ignore ahead, and not for ever', () => {
    assert.ok(liesAhead(NOW + 1, NOW));
    assert.ok(!liesAhead(NOW, NOW));
    assert.ok(!liesAhead(NOW + VERB_BOUNDS.ignoreAheadMs + 1, NOW));
  });

  it('is looked at before anything is believed of what comes by hand', () => {
    const right = { actor: ID, requestId: 'r1', verb: { name: 'reopen' } as const };
    assert.equal(messageFault(right), undefined);
    const wrong: unknown[] = [
      undefined,
      null,
      {},
      'reopen',
      { ...right, actor: 'me' },
      { ...right, requestId: '' },
      { ...right, requestId: 'r'.repeat(201) },
      { ...right, verb: undefined },
      { ...right, verb: { name: 'delete' } },
      { ...right, verb: { name: 'toString' } },
      { ...right, verb: { name: 'comment' } },
    ];
    for (const message of wrong) {
      assert.equal(typeof messageFault(message as typeof right), 'string', JSON.stringify(message));
    }
  });
});
