import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FastifyRequest } from 'fastify';
import { addressCounts } from '../../api/limits/address-counts.js';
import { clientAddresses } from '../../api/limits/client-addresses.js';
import { requestLimits } from '../../api/limits/request-limits.js';
import { type Network, networkOf } from '../../domain/client-address.js';
import { PlatformError } from '../../domain/errors.js';

const LIMITS = { perKey: 5_000, perAddress: 500 };

/** A clock that is set by hand, and who asks how often a second. */
function limited({ perKey, perAddress } = LIMITS) {
  let at = 0;
  const addressOf = (request: FastifyRequest) => request as unknown as string;
  const limits = requestLimits({ perKey, perAddress, addressOf, now: () => at });

  function ask(address: string | undefined, key = 'key'): boolean {
    try {
      limits.check(address as unknown as FastifyRequest, key);
      return true;
    } catch (error) {
      assert.ok(error instanceof PlatformError && error.code === 'RATE_LIMITED' && error.retryAfterSeconds === 1);
      return false;
    }
  }

  /** All ask evenly over one second. How many were served, by address. */
  function second(rates: ReadonlyMap<string, number>): Map<string, number> {
    const requests = [...rates].flatMap(([address, rate]) =>
      Array.from({ length: rate }, (_, nth) => ({ address, at: (nth + 0.5) / rate })),
    );
    const served = new Map<string, number>();
    const began = at;
    for (const { address, at: when } of requests.sort((a, b) => a.at - b.at)) {
      at = began + when * 999;
      if (ask(address)) served.set(address, (served.get(address) ?? 0) + 1);
    }
    at = began + 1_000;
    return served;
  }

  return {
    ask,
    second,
    pass(ms: number): void {
      at += ms;
    },
  };
}

const addresses = (count: number, name: string, rate: number): [string, number][] =>
  Array.from({ length: count }, (_, index) => [`${name}-${String(index)}`, rate]);
const servedOf = (served: ReadonlyMap<string, number>, name: string): number =>
  [...served].reduce((sum, [address, count]) => sum + (address.startsWith(name) ? count : 0), 0);

describe('requests a second', () => {
  it('are not refused to one server that sends 400', () => {
    const { second } = limited();
    for (let time = 0; time < 5; time++) assert.equal(second(new Map([['server', 400]])).get('server'), 400);
  });

  it('are at most 500 of one address with one key', () => {
    const { ask, second, pass } = limited();
    assert.equal(second(new Map([['one', 800]])).get('one'), 500);
    assert.equal(second(new Map([['one', 800]])).get('one'), 500);
    assert.ok(ask('another'));
    pass(1_000);
    assert.equal(Array.from({ length: 600 }, () => ask('one')).filter(Boolean).length, 500);
    assert.ok(ask('one', 'another key'));
    pass(1_000);
    assert.ok(ask('one'));
  });

  it('are all served to a thousand visitors, also while ten addresses ask for all there is', () => {
    const { second } = limited();
    const everybody = new Map([...addresses(1_000, 'visitor', 2), ...addresses(10, 'flood', 1_000)]);
    for (let time = 0; time < 3; time++) {
      const served = second(everybody);
      const [visitors, floods] = [servedOf(served, 'visitor'), servedOf(served, 'flood')];
      // In the first second nobody has been seen before.
      if (time > 0) assert.equal(visitors, 2_000);
      assert.ok(visitors + floods <= 5_000 && floods > 2_500, `${String(visitors)} and ${String(floods)}`);
    }
  });

  it('are sure up to 50 of an address when a key is used up, from the first second on', () => {
    const { second } = limited();
    const everybody = new Map([['light', 50], ...addresses(20, 'flood', 500)]);
    for (let time = 0; time < 2; time++) assert.equal(second(everybody).get('light'), 50);
  });

  it('are shared out evenly where very many ask for much', () => {
    const { second } = limited();
    const everybody = new Map([...addresses(300, 'much', 40), ...addresses(300, 'little', 3)]);
    second(everybody);
    const served = second(everybody);
    assert.equal(servedOf(served, 'little'), 900);
    assert.ok(servedOf(served, 'much') > 3_000);
  });

  it('are no more than 5,000 of a key, however many addresses are invented', () => {
    const { second } = limited();
    const invented = new Map(addresses(10_000, 'invented', 1));
    for (let time = 0; time < 2; time++) assert.equal(servedOf(second(invented), 'invented'), 5_000);
  });

  it('are counted by key alone where the address cannot be told', () => {
    const { ask } = limited();
    assert.equal(Array.from({ length: 6_000 }, () => ask(undefined)).filter(Boolean).length, 5_000);
  });

  it('are as many as are set for the key, where that is less than for an address', () => {
    const { ask, pass } = limited({ perKey: 3, perAddress: 500 });
    for (let time = 0; time < 3; time++) {
      assert.deepEqual(
        [1, 2, 3, 4, 5, 6].map(() => ask('one')),
        [true, true, true, false, false, false],
      );
      pass(1_000);
    }
  });

  it('are forgotten after a quiet second', () => {
    const { second, pass } = limited();
    second(new Map(addresses(5_000, 'visitor', 1)));
    pass(5_000);
    assert.equal(servedOf(second(new Map(addresses(10, 'server', 450))), 'server'), 4_500);
  });
});

describe('visitors behind one proxy', () => {
  const visitors = Array.from({ length: 1_000 }, (_, index) => `192.0.${String(index >> 8)}.${String(index & 255)}`);

  /** All requests of one second; the proxy is on this host. */
  function proxied(trustProxy: readonly Network[]) {
    let warnings = 0;
    const addressOf = clientAddresses({ trustProxy, log: { warn: () => (warnings += 1) } });
    const limits = requestLimits({ ...LIMITS, addressOf, now: () => 0 });
    const ask = (address: string): boolean => {
      const request = { socket: { remoteAddress: '127.0.0.1' }, headers: { 'x-forwarded-for': address } };
      try {
        limits.check(request as unknown as FastifyRequest, 'key');
        return true;
      } catch {
        return false;
      }
    };
    return { ask, warnings: () => warnings };
  }

  it('are all served while nobody has named it, and that is said once', () => {
    const { ask, warnings } = proxied([]);
    for (let time = 0; time < 2; time++) assert.ok(visitors.every(ask));
    assert.equal(warnings(), 1);
  });

  it('are counted one by one where it is trusted', () => {
    const localhost = networkOf('127.0.0.0/8');
    assert.ok(localhost !== undefined);
    const { ask, warnings } = proxied([localhost]);
    const flood = Array.from({ length: 600 }, () => ask('203.0.113.1'));
    assert.equal(flood.filter(Boolean).length, 500);
    for (let time = 0; time < 2; time++) assert.ok(visitors.every(ask));
    assert.equal(warnings(), 0);
  });
});

describe('counts of addresses', () => {
  it('are not lost by fifty thousand invented ones, and hardly mixed with them', () => {
    const counts = addressCounts();
    for (let time = 0; time < 500; time++) counts.add('heavy', 1);
    for (let index = 0; index < 50_000; index++) counts.add(`invented-${String(index)}`, 1);
    assert.equal(counts.of('heavy'), 500);
    const wrong = Array.from({ length: 1_000 }, (_, index) => counts.of(`other-${String(index)}`));
    assert.ok(
      wrong.every((count) => count <= 2),
      'nobody shares all places with the heavy one',
    );
    counts.clear();
    assert.equal(counts.add('heavy', 3), 3);
  });
});
