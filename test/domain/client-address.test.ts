import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clientOf, type Network, networkOf } from '../../domain/client-address.js';

const networks = (...texts: readonly string[]): Network[] =>
  texts.map((text) => {
    const network = networkOf(text);
    assert.ok(network !== undefined, text);
    return network;
  });

const NOBODY = { address: undefined, isBehindUnknownProxy: false };

describe('the address of a client', () => {
  const proxies = networks('10.0.0.0/8', '2001:db8:aaaa::/48', '203.0.113.7');

  /** What is trusted, the peer, `X-Forwarded-For`, and who is counted. */
  const cases: readonly (readonly [string, readonly Network[], string, string | undefined, string | undefined])[] = [
    ['is the peer where nothing is forwarded', [], '198.51.100.1', undefined, '198.51.100.1'],
    ['is the peer where nobody is trusted', [], '8.8.4.4', '192.0.2.1', '8.8.4.4'],
    ['is the peer where another one is trusted', proxies, '198.51.100.1', '192.0.2.1', '198.51.100.1'],
    ['is the peer of our own network where others are trusted', proxies, '192.168.0.9', '192.0.2.1', '192.168.0.9'],
    ['is the peer of our own network that forwards nothing', [], '192.168.0.9', undefined, '192.168.0.9'],
    ['is what a trusted proxy says', proxies, '10.1.2.3', '192.0.2.1', '192.0.2.1'],
    ['is what one trusted address says', proxies, '203.0.113.7', '192.0.2.1', '192.0.2.1'],
    ['is read from the right', proxies, '10.1.2.3', '192.0.2.66, 192.0.2.1', '192.0.2.1'],
    ['is read past trusted proxies', proxies, '10.1.2.3', '192.0.2.66,192.0.2.1 , 203.0.113.7', '192.0.2.1'],
    ['is the farthest where all are trusted', proxies, '10.1.2.3', '10.9.9.9, 203.0.113.7', '10.9.9.9'],
    ['is the last good one before what is none', proxies, '10.1.2.3', '192.0.2.1, unknown, 10.0.0.2', '10.0.0.2'],
    ['is the proxy where it says nothing that can be read', proxies, '10.1.2.3', 'unknown', '10.1.2.3'],
    ['is the proxy where an entry is empty', proxies, '10.1.2.3', '192.0.2.1,', '10.1.2.3'],
    ['is no number', proxies, '10.1.2.3', '3221225985', '10.1.2.3'],
    ['is in no old notation', proxies, '10.1.2.3', '192.0.2.010', '10.1.2.3'],
    ['may have a port', proxies, '10.1.2.3', '192.0.2.1:443', '192.0.2.1'],
    ['may have a port and brackets', proxies, '10.1.2.3', '[2001:db8::1]:443', '2001:db8:0:0::/64'],
    ['is IPv4 where IPv6 only carries it', proxies, '::ffff:10.1.2.3', '::ffff:192.0.2.1', '192.0.2.1'],
    ['is a /64 of IPv6', [], '2001:db8:1:2:3:4:5:6', undefined, '2001:db8:1:2::/64'],
    ['is a /64 of IPv6 behind an IPv6 proxy', proxies, '2001:db8:aaaa::5', '2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['has no zone', [], 'fe80::1%eth0', undefined, 'fe80:0:0:0::/64'],
  ];
  for (const [what, trusted, peer, forwardedFor, address] of cases) {
    it(what, () =>
      assert.deepEqual(clientOf({ peer, forwardedFor }, trusted), { address, isBehindUnknownProxy: false }),
    );
  }

  it('cannot be told of a peer that has none', () => {
    assert.deepEqual(clientOf({ peer: undefined, forwardedFor: '192.0.2.1' }, proxies), NOBODY);
  });

  it('cannot be told where a peer of our own network forwards and nobody is trusted', () => {
    for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1', '10.0.0.1', '172.18.0.1', '192.168.1.1', 'fd00::1'])
      assert.deepEqual(clientOf({ peer, forwardedFor: '192.0.2.1' }, []), {
        address: undefined,
        isBehindUnknownProxy: true,
      });
    assert.equal(clientOf({ peer: '::ffff:8.8.8.8', forwardedFor: '192.0.2.1' }, []).address, '8.8.8.8');
  });

  it('costs no more than twenty steps, whatever is sent', () => {
    const forwardedFor = ['192.0.2.1', ...Array.from({ length: 500 }, (_, at) => `10.0.0.${String(at % 250)}`)].join();
    assert.match(clientOf({ peer: '10.0.0.1', forwardedFor }, proxies).address ?? '', /^10\./);
  });
});

describe('a network', () => {
  it('is a CIDR or one address', () => {
    assert.equal(networks('10.0.0.0/8', '10.0.0.1', '2001:db8::/32', '::1', '0.0.0.0/0').length, 5);
    assert.deepEqual(networks('192.0.2.1')[0]?.[1], 32);
  });

  for (const text of ['', '10.0.0.0/33', '10.0.0.0/', '10/8', '10.0.0.0/8/8', '::1/129', '10.0.0.0/-1', 'loopback'])
    it(`is not "${text}"`, () => assert.equal(networkOf(text), undefined));
});
