import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addressInHost, isPublicAddress } from '../../domain/public-address.js';

const PUBLIC = ['8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.0', '2606:4700::1111', '2a00:1450:4001::1'];

const NOT_PUBLIC: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.1', '127.255.255.254', '::1'],
  unspecified: ['0.0.0.0', '0.1.2.3', '::'],
  private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fc00::1', 'fd12:3456::1', 'fec0::1'],
  'link-local': ['169.254.169.254', 'fe80::1', 'fe80::1%eth0'],
  shared: ['100.64.0.1', '100.127.255.255'],
  'multicast and broadcast': ['224.0.0.1', '239.255.255.255', 'ff02::1', '255.255.255.255'],
  'reserved, documentation, benchmarks': [
    '192.0.2.1',
    '198.18.0.1',
    '203.0.113.9',
    '240.0.0.1',
    '2001:db8::1',
    '100::1',
  ],
  'mapped or compatible IPv4': ['::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '::7f00:1', '::ffff:0:7f00:1'],
  NAT64: ['64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '64:ff9b:1::a00:1'],
  '6to4 and Teredo': ['2002:7f00:1::', '2002:a00:1::1', '2001:0:53aa:64c:1::', '192.88.99.1'],
  'not assigned': ['4000::1', '3fff::1'],
  'no address': ['', 'localhost', 'example.com', '1.2.3.4.5', '8.8.8.8:80'],
};

describe('isPublicAddress', () => {
  it('holds for the public internet', () => {
    for (const address of PUBLIC) assert.equal(isPublicAddress(address), true, address);
  });
  for (const [what, addresses] of Object.entries(NOT_PUBLIC)) {
    it(`does not hold for ${what}`, () => {
      for (const address of addresses) assert.equal(isPublicAddress(address), false, address);
    });
  }
});

describe('addressInHost', () => {
  const hostOf = (url: string) => addressInHost(new URL(url).hostname);
  it('sees through the odd notations that URLs allow', () => {
    const odd = ['127.1', '0x7f.1', '2130706433', '017700000001', '0x7f000001', '127.0.0.1.', '①②⑦.0.0.1'];
    for (const host of odd) assert.equal(hostOf(`http://${host}/`), '127.0.0.1', host);
    assert.equal(hostOf('http://[::ffff:127.0.0.1]/'), '::ffff:7f00:1');
    assert.equal(hostOf('http://[::1]:8080/'), '::1');
  });
  it('is none for a name', () => {
    assert.equal(hostOf('https://hooks.example.com/a'), undefined);
    assert.equal(hostOf('https://127.0.0.1.example.com/a'), undefined);
  });
});
