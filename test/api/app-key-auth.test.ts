import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, it } from 'node:test';
import { type AppKey, type AppKeyAuth, appKeyAuth } from '../../api/auth.js';
import { hashSecret, newAppKey } from '../../api/secrets.js';
import { DEFAULT_APP_CONFIG } from '../../domain/app.js';
import { PlatformError } from '../../domain/errors.js';
import { fakeKeys, record, START } from '../helper/app-keys.js';
import { refusal } from '../helper/refusal.js';
import { secretsTold } from '../helper/secrets.js';

const codeOf = (error: unknown) => (error instanceof PlatformError ? error.code : String(error));

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('appKeyAuth', () => {
  let keys: ReturnType<typeof fakeKeys>;
  let clock: number;
  let auth: AppKeyAuth;
  const ask = async (key: string | undefined, origin?: string): Promise<AppKey> => auth.authenticateKey(key, origin);

  beforeEach(() => {
    keys = fakeKeys();
    clock = START;
    auth = appKeyAuth({ appKeys: keys, secrets: secretsTold(), now: () => clock });
  });

  it('knows whose key it is, and after the first look-up at once', async () => {
    const key = newAppKey();
    const row = record(key);
    keys.put(row);
    const sender = await ask(key);
    assert.equal(sender.keyId, row.key._id.toHexString());
    assert.equal(sender.kind, 'client');
    assert.equal(sender.app, row.app);
    const again = auth.authenticateKey(key, undefined);
    assert.ok(!(again instanceof Promise));
    assert.equal(again, sender);
    assert.equal(keys.state.reads, 1);
  });

  it('asks nobody about what cannot be a key', async () => {
    for (const key of [undefined, '', 'exp_short', `exm_${'a'.repeat(40)}`, `exp_${'-'.repeat(40)}`]) {
      await assert.rejects(ask(key), refusal('UNAUTHENTICATED'));
    }
    assert.equal(keys.state.reads, 0);
  });

  it('looks a key up once for a thousand requests at once', async () => {
    const key = newAppKey();
    keys.put(record(key));
    const senders = await Promise.all(Array.from({ length: 1_000 }, () => ask(key)));
    assert.equal(new Set(senders).size, 1);
    assert.equal(keys.state.reads, 1);
  });

  it('forgets a revoked key within four seconds, whether used meanwhile or not', async () => {
    for (const meanwhile of [[], [500, 1_500, 2_500, 3_500]]) {
      const key = newAppKey();
      const row = record(key);
      keys.put(row);
      clock = START;
      await ask(key);
      keys.put({ ...row, key: { ...row.key, revokedAt: new Date(clock) } });
      for (const after of meanwhile) {
        clock = START + after;
        await ask(key).catch(() => undefined);
        await settled();
      }
      clock = START + 4_000;
      await assert.rejects(ask(key), refusal('UNAUTHENTICATED'));
    }
  });

  it('refreshes in the background while a key is in use, so that no request waits', async () => {
    const key = newAppKey();
    const row = record(key);
    keys.put(row);
    await ask(key);
    const changed = { ...row, app: { ...row.app, config: { ...row.app.config, maxEventsPerDay: 5 } } };
    keys.put(changed);
    clock += 2_500;
    assert.ok(!(auth.authenticateKey(key, undefined) instanceof Promise));
    await settled();
    assert.equal(keys.state.reads, 2);
    clock += 3_000;
    const sender = auth.authenticateKey(key, undefined);
    assert.ok(!(sender instanceof Promise));
    assert.equal(sender.app.config.maxEventsPerDay, 5);
  });

  it('lets a key expire at its instant, though it is remembered', async () => {
    const key = newAppKey();
    const row = record(key);
    keys.put({ ...row, key: { ...row.key, expiresAt: new Date(START + 1_000) } });
    await ask(key);
    clock = START + 999;
    await ask(key);
    clock = START + 1_000;
    await assert.rejects(ask(key), refusal('UNAUTHENTICATED'));
    assert.equal(keys.state.reads, 1);
  });

  it('refuses an origin that is not on the list, and takes up a changed list', async () => {
    const key = newAppKey();
    const row = record(key, ['https://app.example.com']);
    keys.put(row);
    await ask(key, 'https://app.example.com');
    await ask(key);
    await assert.rejects(ask(key, 'https://evil.test'), refusal('ORIGIN_NOT_ALLOWED'));
    keys.put({ ...row, key: { ...row.key, origins: ['https://evil.test'] } });
    clock += 4_000;
    await ask(key, 'https://evil.test');
    await assert.rejects(ask(key, 'https://app.example.com'), refusal('ORIGIN_NOT_ALLOWED'));
  });

  it('answers 503, never 401, when the key cannot be looked up', async () => {
    const key = newAppKey();
    keys.put(record(key));
    keys.state.down = true;
    await assert.rejects(ask(key), (error) => {
      assert.ok(error instanceof PlatformError);
      assert.equal(error.code, 'UNAVAILABLE');
      assert.ok((error.retryAfterSeconds ?? 0) > 0);
      return true;
    });
    keys.state.down = false;
    await ask(key);
    // A known key outlives a short outage, and no longer than it may be trusted.
    keys.state.down = true;
    clock += 3_000;
    await ask(key);
    await settled();
    clock += 1_000;
    await assert.rejects(ask(key), refusal('UNAVAILABLE'));
  });

  it('does not believe an answer that took too long to come', async () => {
    const key = newAppKey();
    keys.put(record(key));
    let release = (): void => undefined;
    keys.state.hold = new Promise((resolve) => (release = resolve));
    const asked = ask(key);
    await settled();
    clock += 10_000;
    release();
    await assert.rejects(asked, refusal('UNAVAILABLE'));
  });

  it('does not trust an entry from the future when the clock is set back', async () => {
    const key = newAppKey();
    const row = record(key);
    keys.put(row);
    await ask(key);
    keys.put({ ...row, key: { ...row.key, revokedAt: new Date(clock) } });
    clock -= 3_600_000;
    await assert.rejects(ask(key), refusal('UNAUTHENTICATED'));
  });

  it('remembers who is a stranger', async () => {
    const key = newAppKey();
    await assert.rejects(ask(key), refusal('UNAUTHENTICATED'));
    await assert.rejects(ask(key), refusal('UNAUTHENTICATED'));
    assert.equal(keys.state.reads, 1);
    keys.put(record(key));
    clock += 4_000;
    await ask(key);
  });

  const flood = (size: number) =>
    Promise.allSettled(Array.from({ length: size }, () => ask(`exp_${randomBytes(20).toString('hex')}`)));

  it('bounds the look-ups that a flood of invented keys can cause, and serves known keys through it', async () => {
    const key = newAppKey();
    keys.put(record(key));
    await ask(key);
    keys.state.reads = 0;
    const outcomes = [...(await flood(2_000)), ...(await flood(18_000))];
    assert.equal(keys.state.reads, 500);
    const codes = outcomes.map((outcome) => (outcome.status === 'rejected' ? codeOf(outcome.reason) : 'let in'));
    assert.equal(codes.filter((code) => code === 'UNAUTHENTICATED').length, 500);
    assert.equal(codes.filter((code) => code === 'RATE_LIMITED').length, 19_500);
    assert.ok(!(auth.authenticateKey(key, undefined) instanceof Promise));
    // A known key that has grown old is looked up all the same.
    clock += 4_000;
    await flood(2_000);
    await ask(key);
  });

  it('answers good keys that it has never seen while 900 invented ones come each second', async () => {
    const secrets = secretsTold(true);
    auth = appKeyAuth({ appKeys: keys, secrets, now: () => clock });
    const good = Array.from({ length: 100 }, newAppKey);
    for (const key of good) {
      keys.put(record(key));
      secrets.add(hashSecret(key));
    }
    const codes: string[] = [];
    for (const key of good) {
      // One good key between nine invented ones, a hundred times a second.
      for (const outcome of await flood(9)) if (outcome.status === 'rejected') codes.push(codeOf(outcome.reason));
      await ask(key);
      clock += 10;
    }
    assert.deepEqual([codes.length, codes.filter((code) => code === 'UNAUTHENTICATED').length], [900, 20]);
    assert.equal(codes.filter((code) => code === 'RATE_LIMITED').length, 880);
    assert.equal(keys.state.reads, 120);
  });

  it('answers a key that was made during the flood from when its process is told of it', async () => {
    const secrets = secretsTold(true);
    auth = appKeyAuth({ appKeys: keys, secrets, now: () => clock });
    await flood(900);
    const key = newAppKey();
    keys.put(record(key));
    await assert.rejects(ask(key), refusal('RATE_LIMITED'));
    secrets.add(hashSecret(key));
    await ask(key);
  });

  it('remembers as many keys as there is room for, by what they and their apps weigh', async () => {
    const patterns = Array.from({ length: 100 }, () => 'x'.repeat(1_000));
    const { errors } = DEFAULT_APP_CONFIG;
    const config = { ...DEFAULT_APP_CONFIG, errors: { ...errors, scrub: { ...errors.scrub, patterns } } };
    const heavy = Array.from({ length: 100 }, newAppKey);
    for (const key of heavy) {
      const row = record(key);
      keys.put({ ...row, app: { ...row.app, config } });
      await ask(key);
    }
    keys.state.reads = 0;
    for (const key of heavy.slice(-35)) await ask(key);
    assert.equal(keys.state.reads, 0);
    for (const key of heavy.slice(0, 30)) await ask(key);
    assert.equal(keys.state.reads, 30);
  });

  it('does not take many good keys at once for a flood', async () => {
    const good = Array.from({ length: 2_000 }, newAppKey);
    for (const key of good) keys.put(record(key));
    for (let from = 0; from < good.length; from += 400)
      await Promise.all(good.slice(from, from + 400).map((key) => ask(key)));
    assert.equal(keys.state.reads, 2_000);
  });

  it('notes the last use once a minute, and does not mind when that fails', async () => {
    const key = newAppKey();
    keys.put(record(key));
    for (const seconds of [0, 1, 30, 59, 60, 61, 119, 120]) {
      clock = START + seconds * 1_000;
      await ask(key);
      await settled();
    }
    assert.deepEqual(
      keys.state.touches.map((at) => (at.getTime() - START) / 1_000),
      [0, 60, 120],
    );
    clock += 60_000;
    await ask(key);
    keys.state.down = true;
    clock += 1_000;
    await ask(key);
    await settled();
  });
});
