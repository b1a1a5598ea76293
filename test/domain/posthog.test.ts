import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type PostHogMessage, postHogMessages } from '../../domain/posthog.js';

const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const AT = new Date(NOW - 60_000).toISOString();
const UUID = '01a2063e-4903-7389-806b-63de4bb588d8';
const base = { uuid: UUID, distinct_id: 'ada', timestamp: AT };
const read = (fields: object, sentAt: unknown = new Date(NOW).toISOString()) =>
  postHogMessages({ ...base, ...fields }, { sentAt, now: NOW });

function only<T extends PostHogMessage['type']>(type: T, fields: object): Extract<PostHogMessage, { type: T }> {
  const [message, ...more] = read(fields);
  assert.deepEqual(more, []);
  assert.equal(message?.type, type, JSON.stringify(message));
  return message as Extract<PostHogMessage, { type: T }>;
}
const capture = (event: string, properties: object = {}) => only('event', { event, properties });

describe("an event of PostHog's libraries", () => {
  it('is one of ours under its name, with its own properties and none of those that the library adds', () => {
    const { event, extras } = capture('Order Completed', {
      total: 9.5,
      items: ['a'],
      none: null,
      $lib: 'web',
      $session_id: 's1',
      $current_url: 'https://a.example/x',
      token: 'exp_x',
      distinct_id: 'ada',
    });
    assert.deepEqual(
      [event.eventType, event.eventId, event.profileId, event.sessionId, event.timestampMs, event.pageUrl],
      ['Order Completed', UUID, 'ada', 's1', Date.parse(AT), 'https://a.example/x'],
    );
    assert.deepEqual([event.metadata, extras], [{ total: '9.5', items: '["a"]' }, { measures: { total: 9.5 } }]);
  });

  it('is a page view or a click by its name', () => {
    const page = { $pathname: '/x', title: 'X', $referrer: 'r', $viewport_width: 800, $viewport_height: 600 };
    const view = capture('$pageview', page).event;
    assert.equal(view.eventType, 'page_view');
    const sizes = { viewportWidth: 800, viewportHeight: 600, loadTimeMs: 0 };
    assert.deepEqual(view.pageContext, { path: '/x', title: 'X', referrer: 'r', ...sizes });
    assert.equal(capture('$screen', { $screen_name: 'Cart' }).event.metadata['name'], 'Cart');
    const elements = [{ tag_name: 'button', $el_text: 'Pay', 'attr__data-testid': 'pay' }, { tag_name: 'body' }];
    const listed = capture('$autocapture', { $event_type: 'click', $elements: elements }).event;
    const chain = 'button.big:attr_id="pay"nth-child="1"text="Pay";div:attr_id="root"';
    const chained = capture('$autocapture', { $event_type: 'click', $elements_chain: chain }).event;
    for (const { eventType, elementTid, elementContext } of [listed, chained])
      assert.deepEqual(
        [eventType, elementTid, elementContext?.tag, elementContext?.text],
        ['click', 'pay', 'button', 'Pay'],
      );
    const parents = capture('$autocapture', { $event_type: 'click', $elements_chain: 'b:nth="1";div:attr_id="root"' });
    assert.equal(parents.event.elementTid, '', "a parent's id is not the element's");
    assert.equal(capture('$autocapture', { $event_type: 'submit' }).event.eventType, '$autocapture');
  });

  it('that is an exception is an error, the thrown one first as it is sent', () => {
    const frames = (name: string) => ({ frames: [{ function: 'caller' }, { function: name, chunk_id: UUID }] });
    const { occurrence } = only('error', {
      event: '$exception',
      properties: {
        $exception_list: [
          {
            type: 'Error',
            value: 'boom',
            mechanism: { handled: false, type: 'onunhandledrejection' },
            stacktrace: frames('a'),
          },
          { type: 'TypeError', value: 'why', stacktrace: frames('b') },
        ],
        $exception_level: 'fatal',
        $exception_fingerprint: 'mine',
        '$feature/new-pay': true,
        $lib: 'posthog-node',
        $lib_version: '5',
        $session_id: 's1',
        cart: 'x',
      },
    });
    const [error, cause] = occurrence.exceptions;
    assert.deepEqual(
      [error?.type, error?.handled, error?.frames[0]?.function, cause?.type],
      ['Error', false, 'a', 'TypeError'],
    );
    assert.equal(error?.frames[0]?.debugId, UUID);
    const { errorId, profileId, sessionId, message, severity, errorType, fingerprint, flags, tags, sdk } = occurrence;
    assert.deepEqual(
      [errorId, profileId, sessionId, message, severity, errorType, fingerprint, sdk],
      [UUID, 'ada', 's1', 'boom', 'fatal', 'unhandled_rejection', ['mine'], 'posthog-node/5'],
    );
    assert.deepEqual([flags, tags], [{ 'new-pay': 'true' }, { cart: 'x' }]);
    const nobody = only('error', {
      event: '$exception',
      properties: { $process_person_profile: false, $is_server: true },
    });
    assert.equal(nobody.occurrence.profileId, '');
  });

  it('that is heatmap data is a point for each click', () => {
    const touch = (type: string, x: unknown = 10.4) => ({ x, y: 20, target_fixed: false, type });
    const data = {
      'https://a.example/': [touch('click'), touch('mousemove'), touch('rageclick'), touch('click', 'x'), 5],
      'https://a.example/b': [touch('click', 7)],
      c: 'x',
    };
    const messages = read({ event: '$$heatmap', properties: { $heatmap_data: data, $viewport_width: 800 } });
    assert.deepEqual(
      messages.map(
        (message) => message.type === 'heatmap' && [message.point.pageUrl, message.point.x, message.point.y],
      ),
      [
        ['https://a.example/', 10, 20],
        ['https://a.example/b', 7, 20],
      ],
    );
  });

  it('states attributes by $set, whatever it is, and joins two ids by identify and alias', () => {
    const { attributes } = only('identify', { event: '$set', properties: { $set: { plan: 'pro' } } });
    assert.deepEqual(attributes, { plan: 'pro' });
    assert.deepEqual(
      read({ event: 'Signed Up', $set: { plan: 'pro' } }).map(({ type }) => type),
      ['event', 'identify'],
    );
    const identified = read({ event: '$identify', properties: { $anon_distinct_id: 'anon', $set: { a: 1 } } });
    const facts = { timestampMs: Date.parse(AT), proof: '' };
    assert.deepEqual(identified, [
      { type: 'alias', id: `${UUID}/alias`, from: 'anon', to: 'ada', fromProof: '', ...facts },
      { type: 'identify', id: UUID, externalId: 'ada', identifies: true, attributes: { a: 1 }, ...facts },
    ]);
    const { from, to } = only('alias', { event: '$create_alias', properties: { alias: 'anon' } });
    assert.deepEqual([from, to], ['anon', 'ada']);
    assert.deepEqual(read({ event: '$groupidentify' }), []);
  });

  it('makes an id somebody by $identify or where it says so, and never the id of a visitor or a device', () => {
    const identifies = (event: string, properties: object) => only('identify', { event, properties }).identifies;
    assert.equal(identifies('$identify', {}), true);
    assert.equal(identifies('$identify', { $device_id: 'ada' }), false);
    assert.equal(identifies('$set', { $set: { a: 1 } }), false);
    assert.equal(identifies('$set', { $set: { a: 1 }, $is_identified: true }), true);
  });

  it('takes the proofs of both sides of a join', () => {
    const proofs = { $identity_proof: 'p', $alias_identity_proof: 'q' };
    const { proof, fromProof } = only('alias', { event: '$create_alias', properties: { alias: 'anon', ...proofs } });
    assert.deepEqual([proof, fromProof], ['p', 'q']);
  });

  it('has the time it states, else how long before it was sent it happened', () => {
    const time = (fields: object, sentAt?: unknown) => {
      const [message] = read({ event: 'A', timestamp: undefined, ...fields }, sentAt);
      return message?.type === 'event' ? message.event.timestampMs : NaN;
    };
    assert.equal(time({ timestamp: NOW - 5 }), NOW - 5);
    assert.equal(time({ offset: 2_000 }), NOW - 2_000);
    assert.equal(time({ offset: 2_000 }, new Date(NOW - 500).toISOString()), NOW - 2_500);
    assert.equal(time({ timestamp: 'x' }, null), NOW);
  });

  it('is cut where it is too long, and refused where its id or its profile would be', () => {
    const { event } = capture('x'.repeat(1_000), { ['k'.repeat(1_000)]: 'v'.repeat(5_000) });
    assert.equal(event.eventType.length, 200);
    assert.deepEqual(
      Object.entries(event.metadata).map(([key, value]) => [key.length, value.length]),
      [[200, 1024]],
    );
    assert.equal(only('fault', { event: 'A', distinct_id: 'x'.repeat(10_000) }).fault.field, 'distinct_id');
    assert.equal(only('fault', { event: 'A', uuid: 'x'.repeat(10_000) }).fault.field, 'uuid');
    assert.equal(only('fault', { event: '' }).fault.code, 'FIELD_MISSING');
    assert.equal(only('fault', { event: '$identify', distinct_id: '' }).fault.code, 'PROFILE_MISSING');
  });

  it('can be anything at all without an exception', () => {
    const json = fc.jsonValue({ maxDepth: 5 });
    const names = ['$exception', '$$heatmap', '$identify', '$set', '$create_alias', '$autocapture', '$pageview', 'x'];
    const keys = ['$exception_list', '$heatmap_data', '$set', '$elements', '$elements_chain', 'alias', '$event_type'];
    const properties = fc.record(Object.fromEntries(keys.map((key) => [key, json])), { requiredKeys: [] });
    const event = fc.record(
      {
        event: fc.oneof(fc.constantFrom(...names), json),
        properties: fc.oneof(json, properties),
        uuid: json,
        offset: json,
      },
      { requiredKeys: ['event'] },
    );
    fc.assert(
      fc.property(fc.oneof(event, json), json, (value, sentAt) => {
        for (const message of postHogMessages(value, { sentAt, now: NOW })) {
          if (message.type === 'event') assert.ok(Number.isSafeInteger(message.event.timestampMs));
          JSON.stringify(message);
        }
      }),
      { numRuns: 500 },
    );
  });
});
