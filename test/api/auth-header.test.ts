import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keyFromRequest } from '../../api/auth-header.js';

const KEY = `exp_${'k'.repeat(40)}`;
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

describe('keyFromRequest', () => {
  const found: readonly [where: string, headers: Readonly<Record<string, string>>, query?: unknown][] = [
    ['a bearer token', { authorization: `Bearer ${KEY}` }],
    ['a bearer token in another case', { authorization: `bearer  ${KEY}` }],
    ['a user name without password', { authorization: basic(`${KEY}:`) }],
    ['a user name without colon', { authorization: basic(KEY) }],
    ['a header', { 'x-api-key': KEY }],
    ['the query', {}, { key: KEY }],
  ];
  for (const [where, headers, query] of found) {
    it(`finds the key in ${where}`, () => assert.equal(keyFromRequest({ headers, query }), KEY));
  }

  const missing: readonly [where: string, headers: Readonly<Record<string, string>>, query?: unknown][] = [
    ['nothing', {}],
    ['a repeated query', {}, { key: [KEY, KEY] }],
    ['another scheme', { authorization: `Digest ${KEY}` }],
    ['an empty user name', { authorization: basic(`:${KEY}`) }],
    ['what is not base64', { authorization: 'Basic ***' }],
    ['an empty bearer', { authorization: 'Bearer ' }],
  ];
  for (const [where, headers, query] of missing) {
    it(`finds none in ${where}`, () => assert.equal(keyFromRequest({ headers, query }), undefined));
  }

  it('prefers what is harder to leak', () => {
    const headers = { authorization: `Bearer ${KEY}`, 'x-api-key': 'other' };
    assert.equal(keyFromRequest({ headers, query: { key: 'another' } }), KEY);
  });
});
