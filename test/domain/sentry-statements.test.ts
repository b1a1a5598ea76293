import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Json } from '../../domain/loose.js';
import { clockOf } from '../../domain/sentry/clock.js';
import {
  sentryClientReport,
  sentryFeedback,
  sentrySession,
  sentrySessions,
  sentryUserReport,
} from '../../domain/sentry/statements.js';

const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const clock = clockOf(undefined, NOW);
const attrs = { release: 'shop@1', environment: 'production' };
const facts = { release: 'shop@1', environment: 'production', startedMs: NOW };
const started = new Date(NOW).toISOString();

describe('what a Sentry SDK says besides its events', () => {
  it('is a session with its status: one that ended with errors is errored', () => {
    const of = (fields: Json) => sentrySession({ sid: 's', did: 'ada', started, attrs, ...fields }, clock);
    const status = (fields: Json) => of(fields)?.status;
    assert.deepEqual(of({ status: 'crashed' }), {
      type: 'session',
      ...facts,
      sid: 's',
      status: 'crashed',
      profileId: 'ada',
    });
    assert.equal(status({ status: 'ok' }), 'ok');
    assert.equal(status({ status: 'exited', errors: 2 }), 'errored');
    assert.equal(status({ status: 'abnormal', errors: 2 }), 'abnormal');
    assert.equal(status({ status: 'unhandled' }), 'errored');
    assert.equal(status({ status: 5 }), 'ok');
    for (const bad of [{ sid: '' }, { attrs: {} }, { attrs: null }]) assert.equal(of(bad), undefined);
  });

  it('is many sessions that it has counted, each minute a statement', () => {
    const aggregates = [
      { started, exited: 5, errored: 1, unhandled: 3, crashed: 2 },
      { started, exited: 0 },
      { started, exited: -1, errored: 'x', abnormal: 3.7 },
      'x',
    ];
    assert.deepEqual(sentrySessions({ aggregates, attrs }, clock), [
      { type: 'sessions', ...facts, counts: { ok: 5, errored: 4, abnormal: 0, crashed: 2 } },
      { type: 'sessions', ...facts, counts: { ok: 0, errored: 0, abnormal: 3, crashed: 0 } },
    ]);
    assert.deepEqual(sentrySessions({ aggregates }, clock), [], 'of no release');
  });

  it('is feedback, perhaps about an event', () => {
    const feedback = {
      message: 'It broke',
      contact_email: 'a@b.c',
      name: 'Ada',
      url: 'https://a.example/',
      associated_event_id: 'FC6D8C0C-43FC-4630-AD85-0EE518F1B9D0',
    };
    const event = { contexts: { feedback }, timestamp: NOW / 1000, tags: { plan: 'pro' }, user: { id: 'ada' } };
    assert.deepEqual(sentryFeedback(event, clock), {
      text: 'It broke',
      name: 'Ada',
      email: 'a@b.c',
      pageUrl: 'https://a.example/',
      associatedErrorId: 'fc6d8c0c43fc4630ad850ee518f1b9d0',
      tags: { plan: 'pro' },
      profileId: 'ada',
      timestampMs: NOW,
    });
    assert.equal(sentryFeedback({ contexts: { feedback: {} } }, clock), undefined);
    const older = sentryUserReport({ event_id: 'x', name: 'Ada', email: 'a@b.c', comments: 'It broke' });
    assert.deepEqual([older?.text, older?.associatedErrorId, older?.name], ['It broke', 'x', 'Ada']);
    assert.equal(sentryUserReport({}), undefined);
  });

  it('is how much it did not send, by reasons and categories that are known', () => {
    const entry = (reason: unknown, category: unknown, quantity: unknown) => ({ reason, category, quantity });
    const report = {
      discarded_events: [
        entry('before_send', 'error', 2),
        entry('before_send', 'error', 3),
        entry('invented-17', 'error', 1),
        entry('invented-18', 'error', 1),
        entry('sample_rate', {}, 1),
        entry('sample_rate', 'span', -5),
        'x',
      ],
    };
    assert.deepEqual(sentryClientReport(report), [
      { reason: 'before_send', category: 'error', count: 5 },
      { reason: 'other', category: 'error', count: 2 },
      { reason: 'sample_rate', category: 'other', count: 1 },
    ]);
  });

  it('can be anything at all without an exception', () => {
    const json = fc.jsonValue({ maxDepth: 5 });
    const names = ['sid', 'did', 'status', 'errors', 'attrs', 'aggregates', 'contexts', 'discarded_events', 'comments'];
    const record = fc.record(Object.fromEntries(names.map((name) => [name, json])), { requiredKeys: [] });
    fc.assert(
      fc.property(record, json, (value, entries) => {
        sentrySession(value, clock);
        sentrySessions({ ...value, attrs, aggregates: entries }, clock);
        sentryFeedback({ contexts: { feedback: entries } }, clock);
        sentryUserReport(value);
        for (const { count } of sentryClientReport({ discarded_events: entries })) assert.ok(count > 0);
      }),
      { numRuns: 500 },
    );
  });
});
