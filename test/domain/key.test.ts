import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  APP_KEY_PREFIX,
  INVITATION_PREFIX,
  isLive,
  looksLikeAppKey,
  looksLikeInvitation,
  looksLikeMemberToken,
  MEMBER_TOKEN_PREFIX,
  SECRET_BYTES,
  secretFrom,
  shownPrefix,
  withoutKeys,
} from '../../domain/key.js';

const from = (bytes: Uint8Array) => secretFrom(APP_KEY_PREFIX, bytes);

describe('secretFrom', () => {
  it('makes keys that look like keys, of one length and word characters only', () => {
    for (let round = 0; round < 200; round += 1) {
      const key = from(randomBytes(SECRET_BYTES));
      assert.ok(looksLikeAppKey(key), key);
      assert.equal(key.length, 44);
      assert.match(key, /^\w+$/);
      assert.equal(looksLikeMemberToken(key), false);
      assert.equal(looksLikeInvitation(key), false);
      assert.ok(looksLikeInvitation(key.replace('exp', 'exi')));
    }
  });

  it('carries at least 192 bits: another last bit is another key, and so is another first one within them', () => {
    const zero = new Uint8Array(SECRET_BYTES);
    const keys = new Set([from(zero)]);
    for (let bit = 0; bit < 237; bit += 1) {
      const bytes = new Uint8Array(SECRET_BYTES);
      bytes[SECRET_BYTES - 1 - Math.floor(bit / 8)] = 1 << (bit % 8);
      keys.add(from(bytes));
    }
    assert.equal(keys.size, 238);
  });

  it('gives the same key for the same bytes, pinned, since keys of an instance are derived', () => {
    const bytes = Uint8Array.from({ length: SECRET_BYTES }, (_, index) => index);
    assert.equal(from(bytes), 'exp_hI0O8zY6Itnkc4SToLqAkc5QdjYer68SlnjwhhKr');
    assert.equal(secretFrom(MEMBER_TOKEN_PREFIX, bytes), `exm_${from(bytes).slice(4)}`);
    assert.equal(secretFrom(INVITATION_PREFIX, bytes), `exi_${from(bytes).slice(4)}`);
  });

  it('prefers no character', () => {
    const seen = new Map<string, number>();
    for (let round = 0; round < 2_000; round += 1) {
      for (const character of from(randomBytes(SECRET_BYTES)).slice(4)) {
        seen.set(character, (seen.get(character) ?? 0) + 1);
      }
    }
    assert.equal(seen.size, 62);
    const expected = (2_000 * 40) / 62;
    for (const [character, count] of seen) {
      // Six standard deviations: never by chance.
      assert.ok(Math.abs(count - expected) < 6 * Math.sqrt(expected), `${character}: ${String(count)}`);
    }
  });
});

describe('looksLikeAppKey', () => {
  it('refuses what no key can be', () => {
    const key = from(randomBytes(SECRET_BYTES));
    for (const value of ['', 'exp_', key.slice(0, 35), `${key}!`, `${key}\n`, ` ${key}`, key.replace('exp', 'exm')]) {
      assert.equal(looksLikeAppKey(value), false, JSON.stringify(value));
    }
    assert.equal(looksLikeAppKey(`exp_${'a'.repeat(129)}`), false);
  });
});

describe('shownPrefix', () => {
  it('shows four characters of the key', () => {
    assert.equal(shownPrefix('exp_abcdefgh'), 'exp_abcd');
  });
});

describe('withoutKeys', () => {
  const key = from(randomBytes(SECRET_BYTES));

  it('leaves no key, token or signing secret, wherever it stands and however much of it', () => {
    for (const secret of [key, key.replace('exp', 'exm'), key.slice(0, 20)]) {
      for (const [before, after] of [
        ['', ''],
        ['/array/', '/config'],
        ['%3D', '%26'],
        ['\\n', '\\n'],
        ['x', '!'],
      ])
        assert.equal(withoutKeys(`${before}${secret}${after}`), `${before}[secret]${after}`);
    }
    assert.equal(withoutKeys(`${key} ${key}`), '[secret] [secret]');
    assert.equal(withoutKeys(`"whsec_${'Ab1+/'.repeat(8)}=="`), '"[secret]"');
  });

  it('leaves what is none', () => {
    for (const text of ['', 'exp_', shownPrefix(key), 'no flag exp_new_checkout_page in this app', 'whsec_short'])
      assert.equal(withoutKeys(text), text);
  });
});

describe('isLive', () => {
  const at = Date.parse('2026-03-01T00:00:00Z');
  const never = { expiresAt: null, revokedAt: null };

  it('holds until the very instant of expiry', () => {
    assert.equal(isLive(never, at), true);
    assert.equal(isLive({ ...never, expiresAt: new Date(at + 1) }, at), true);
    assert.equal(isLive({ ...never, expiresAt: new Date(at) }, at), false);
    assert.equal(isLive({ ...never, expiresAt: new Date(at - 1) }, at), false);
  });

  it('ends with revocation, whatever the expiry and the clock say', () => {
    assert.equal(isLive({ expiresAt: new Date(at + 1_000), revokedAt: new Date(at + 500) }, at), false);
    assert.equal(isLive({ expiresAt: null, revokedAt: new Date(at - 500) }, at), false);
  });
});
