import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { segmentMessage } from '../../domain/segment.js';

const AT = '2026-03-01T12:00:00.000Z';
const base = { messageId: 'm1', userId: 'anna', timestamp: AT };
const read = (fields: object) => segmentMessage({ ...base, ...fields });
const eventOf = (fields: object) => {
  const message = read(fields);
  assert.ok(message.type === 'event', JSON.stringify(message));
  return message;
};

describe("a message of Segment's tracking API", () => {
  it('of type track is an event under its own name', () => {
    const { event } = eventOf({ type: 'track', event: 'Signed Up' });
    assert.deepEqual([event.eventType, event.eventId, event.profileId], ['Signed Up', 'm1', 'anna']);
    assert.equal(event.timestampMs, Date.parse(AT));
    assert.equal(event.pageContext, undefined);
  });

  it('takes its time as ISO 8601 or as epoch ms, and anything else as missing', () => {
    const time = (timestamp: unknown) => eventOf({ type: 'track', event: 'A', timestamp }).event.timestampMs;
    assert.equal(time('2026-03-01T13:00:00+01:00'), Date.parse(AT));
    assert.equal(time(Date.parse(AT) + 0.7), Date.parse(AT));
    for (const bad of ['tomorrow', '', null, undefined, {}, true, 1e300, Infinity, NaN]) assert.equal(time(bad), 0);
  });

  it('has numbers for ids as text, and the user before the anonymous', () => {
    assert.equal(eventOf({ type: 'track', event: 'A', userId: 42 }).event.profileId, '42');
    assert.equal(eventOf({ type: 'track', event: 'A', anonymousId: 'x' }).event.profileId, 'anna');
    assert.equal(eventOf({ type: 'track', event: 'A', userId: null, anonymousId: 'x' }).event.profileId, 'x');
  });

  it('keeps properties as text and finite numbers as measures, also under __proto__', () => {
    const properties = JSON.parse('{"n":1,"s":"1","__proto__":2,"big":1e999,"none":null}') as object;
    const { event, extras } = eventOf({ type: 'track', event: 'A', properties });
    assert.deepEqual(Object.entries(event.metadata).slice(0, 3), [
      ['n', '1'],
      ['s', '1'],
      ['__proto__', '2'],
    ]);
    assert.deepEqual(Object.entries(extras.measures ?? {}), [
      ['n', 1],
      ['__proto__', 2],
    ]);
    assert.equal(Object.getPrototypeOf(event.metadata), Object.prototype);
    assert.deepEqual(eventOf({ type: 'track', event: 'A' }).extras, {});
  });

  it('of type page takes the page from the context before the properties, and keeps a name that properties have', () => {
    const { event } = eventOf({
      type: 'page',
      name: 'Home',
      properties: { name: 'Own', url: 'u2', path: 'p2', title: 't2' },
      context: { page: { url: 'u1', path: 'p1' }, screen: { width: 800.9, height: -3 } },
    });
    assert.equal(event.eventType, 'page_view');
    assert.equal(event.metadata['name'], 'Own');
    assert.equal(event.pageUrl, 'u1');
    const sizes = { loadTimeMs: 0, viewportWidth: 800, viewportHeight: 0 };
    assert.deepEqual(event.pageContext, { path: 'p1', title: 't2', referrer: '', ...sizes });
  });

  it('of type group states the group as attributes', () => {
    const message = read({ type: 'group', groupId: 'acme', traits: { size: 1 } });
    assert.ok(message.type === 'identify');
    assert.deepEqual(message.attributes, { groupId: 'acme', group: { size: 1 } });
  });

  it('of type alias says from whom to whom', () => {
    const proofs = { identityProof: 'p', previousIdentityProof: 'q' };
    const message = read({ type: 'alias', previousId: 'x', context: proofs });
    const { messageId: id, userId: to, timestamp } = base;
    const timestampMs = Date.parse(timestamp);
    assert.deepEqual(message, { type: 'alias', id, from: 'x', to, timestampMs, proof: 'p', fromProof: 'q' });
  });

  it('of type identify makes a user id somebody, and neither an anonymous id nor the member of a group', () => {
    const identifies = (given: object): unknown => {
      const message = read(given);
      return message.type === 'identify' && message.identifies;
    };
    assert.equal(identifies({ type: 'identify' }), true);
    assert.equal(identifies({ type: 'identify', userId: '', anonymousId: 'a' }), false);
    assert.equal(identifies({ type: 'group', groupId: 'acme' }), false);
  });

  it('may have traits twenty levels deep and no deeper', () => {
    const nested = (levels: number): object => (levels === 0 ? {} : { a: nested(levels - 1) });
    assert.equal(read({ type: 'identify', traits: nested(19) }).type, 'identify');
    assert.equal(read({ type: 'identify', traits: nested(20) }).type, 'fault');
    assert.equal(read({ type: 'track', event: 'A', properties: nested(19) }).type, 'event');
    assert.equal(read({ type: 'track', event: 'A', properties: nested(20) }).type, 'fault');
  });

  it('can be anything at all without an exception', () => {
    const types = fc.constantFrom('track', 'page', 'screen', 'identify', 'group', 'alias', 'x');
    const fields = fc.record({
      type: types,
      context: fc.jsonValue(),
      properties: fc.jsonValue(),
      traits: fc.jsonValue(),
    });
    const ids = fc.record({ messageId: fc.jsonValue(), userId: fc.jsonValue(), timestamp: fc.jsonValue() });
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fields), ids, (value, more) => {
        const given: unknown = typeof value === 'object' ? { ...more, ...(value as object) } : value;
        assert.ok(['event', 'identify', 'alias', 'fault'].includes(segmentMessage(given).type));
      }),
    );
  });
});
