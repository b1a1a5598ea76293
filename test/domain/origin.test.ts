import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOriginPattern, originAllowed } from '../../domain/origin.js';

describe('isOriginPattern', () => {
  const good = [
    'https://app.example.com',
    'http://localhost:3000',
    'http://127.0.0.1',
    'http://[::1]:8080',
    'capacitor://localhost',
    'chrome-extension://abcdef',
    '*.example.com',
    'https://*.example.com',
    'https://*.example.com:8443',
    'HTTPS://App.Example.com',
  ];
  for (const pattern of good) it(`takes ${pattern}`, () => assert.equal(isOriginPattern(pattern), true));

  const bad = [
    '',
    '*',
    'example.com',
    'https://',
    'https://app.example.com/',
    'https://app.example.com/path',
    'https://user@app.example.com',
    'https://*',
    'https://app.*.com',
    '*example.com',
    '**.example.com',
    'https://a*.example.com',
    'null',
    'https://app.example.com https://other.example.com',
    `https://${'a'.repeat(300)}.com`,
  ];
  for (const pattern of bad) it(`refuses ${pattern.slice(0, 60)}`, () => assert.equal(isOriginPattern(pattern), false));
});

describe('originAllowed', () => {
  it('allows anything without a list', () => {
    assert.equal(originAllowed([], 'https://evil.example'), true);
    assert.equal(originAllowed([], 'null'), true);
  });

  it('allows what sends no origin: servers and native apps', () => {
    assert.equal(originAllowed(['https://app.example.com'], undefined), true);
  });

  const cases: readonly [pattern: string, origin: string, allowed: boolean][] = [
    ['https://app.example.com', 'https://app.example.com', true],
    ['https://app.example.com', 'https://APP.example.com', true],
    ['https://app.example.com:443', 'https://app.example.com', true],
    ['http://app.example.com', 'http://app.example.com:80', true],
    ['https://app.example.com', 'http://app.example.com', false],
    ['https://app.example.com', 'https://app.example.com:8443', false],
    ['https://app.example.com', 'https://app.example.com.evil.test', false],
    ['https://app.example.com', 'https://evil.test?https://app.example.com', false],
    ['https://app.example.com', 'null', false],
    ['https://app.example.com', '', false],
    ['capacitor://localhost', 'capacitor://localhost', true],
    ['http://[::1]:8080', 'http://[::1]:8080', true],
    ['*.example.com', 'https://a.example.com', true],
    ['*.example.com', 'http://a.b.example.com:3000', true],
    ['*.example.com', 'https://example.com', false],
    ['*.example.com', 'https://evilexample.com', false],
    ['*.example.com', 'https://example.com.evil.test', false],
    ['*.example.com', 'https://a.example.com.', false],
    ['https://*.example.com', 'https://a.example.com', true],
    ['https://*.example.com', 'https://a.example.com:443', true],
    ['https://*.example.com', 'http://a.example.com', false],
    ['https://*.example.com', 'https://a.example.com:8443', false],
    ['https://*.example.com:8443', 'https://a.example.com:8443', true],
  ];
  for (const [pattern, origin, allowed] of cases) {
    it(`${allowed ? 'lets' : 'keeps'} ${origin} ${allowed ? 'through' : 'out of'} ${pattern}`, () => {
      assert.equal(originAllowed([pattern], origin), allowed);
      assert.equal(originAllowed(['https://other.test', pattern], origin), allowed);
    });
  }
});
