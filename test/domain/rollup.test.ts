import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HOUR_MS } from '../../domain/limits.js';
import { rollupCounter } from '../../domain/rollup.js';

const AT = 100 * HOUR_MS;

describe('a rollup', () => {
  it('counts apart by kind, hour of the item, type and name', () => {
    const counter = rollupCounter();
    counter.add('events', AT, 'click', '');
    counter.add('events', AT + HOUR_MS - 1, 'click', '');
    counter.add('events', AT + HOUR_MS, 'click', '');
    counter.add('events', AT, 'custom', 'Order');
    counter.add('heatmap', AT, '', '');
    const counts = [...counter.counts.values()].map(
      ({ kind, hour, eventType, eventName, count }) => `${kind} ${hour} ${eventType} ${eventName}: ${count}`,
    );
    assert.deepEqual(counts, [
      'events 100 click : 2',
      'events 101 click : 1',
      'events 100 custom Order: 1',
      'heatmap 100  : 1',
    ]);
  });

  it('gives back the count that an item went into, the same for equals', () => {
    const counter = rollupCounter();
    const first = counter.add('events', AT, 'click', '');
    assert.equal(counter.add('events', AT, 'click', ''), first);
    assert.notEqual(counter.add('events', AT, 'hover', ''), first);
    assert.equal(first.count, 2);
  });
});
