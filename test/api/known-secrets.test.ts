import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ObjectId } from 'mongodb';
import { knownSecrets } from '../../api/known-secrets.js';
import { hashSecret } from '../../api/secrets.js';
import type { SecretHash } from '../../db/secret-hashes.js';
import { until } from '../helper/until.js';

const EVERY_MS = 10;
const START = Date.parse('2026-03-01T00:00:00Z');

/** A collection of secrets that can be away. */
function fakeSource() {
  const rows: SecretHash[] = [];
  const is = { away: false, reads: 0, most: 0 };
  return {
    is,
    make(name: string, at: number): string {
      const hash = hashSecret(name);
      const time = Math.floor(at / 1_000).toString(16);
      rows.push({ _id: new ObjectId(time + new ObjectId().toHexString().slice(8)), hash });
      return hash;
    },
    async after(id: ObjectId, limit: number): Promise<SecretHash[]> {
      is.reads += 1;
      if (is.away) throw new Error('away');
      const later = rows
        .map((row) => ({ ...row, hex: row._id.toHexString() }))
        .filter(({ hex }) => hex > id.toHexString());
      const page = later.sort((one, other) => (one.hex < other.hex ? -1 : 1)).slice(0, limit);
      is.most = Math.max(is.most, page.length);
      return Promise.resolve(page);
    },
  };
}

describe('knownSecrets', () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });

  function world() {
    const keys = fakeSource();
    const tokens = fakeSource();
    const at = { clock: 0, now: START };
    const secrets = knownSecrets({
      sources: [keys, tokens],
      clock: () => at.clock,
      now: () => at.now,
      everyMs: EVERY_MS,
    });
    stops.push(secrets.stop);
    return { keys, tokens, at, secrets };
  }
  const polls = async ({ is }: ReturnType<typeof fakeSource>): Promise<void> => {
    const { reads } = is;
    await until('two polls more', () => is.reads >= reads + 2);
  };

  it('has read all keys and tokens at the start, in pages, and knows it', async () => {
    const { keys, tokens, secrets } = world();
    const made = Array.from({ length: 4_500 }, (_, n) => keys.make(`key ${String(n)}`, START - n * 60_000));
    const token = tokens.make('token', START - 1);
    assert.equal(secrets.isUpToDate(), false);
    await secrets.start();
    assert.ok(made.every(secrets.has) && secrets.has(token));
    assert.equal(secrets.isUpToDate(), true);
    assert.ok(!secrets.has(hashSecret('invented')));
    assert.deepEqual([keys.is.reads, keys.is.most], [3, 2_000]);
  });

  it('follows what is made, also what was made before and came late', async () => {
    const { keys, secrets } = world();
    keys.make('newest', START);
    await secrets.start();
    const hash = keys.make('new', START + 1_000);
    const late = keys.make('late', START - 50_000);
    await until('both', () => secrets.has(hash) && secrets.has(late));
  });

  it('reads very many that were made at one moment again only until none can come late any more', async () => {
    const { keys, at, secrets } = world();
    for (let n = 0; n < 100; n += 1) keys.make(`key ${String(n)}`, START);
    await secrets.start();
    await polls(keys);
    assert.equal(keys.is.most, 100);
    at.now += 61_000;
    await polls(keys);
    keys.is.most = 0;
    await polls(keys);
    assert.equal(keys.is.most, 0);
  });

  it('is not up to date when it could not read for five seconds, and is again when it can', async () => {
    const { keys, at, secrets } = world();
    await secrets.start();
    keys.is.away = true;
    at.clock += 4_999;
    await polls(keys);
    assert.equal(secrets.isUpToDate(), true);
    at.clock += 1;
    assert.equal(secrets.isUpToDate(), false);
    keys.is.away = false;
    await until('up to date', secrets.isUpToDate);
  });

  it('goes on where it was when reading all was cut short', async () => {
    const { keys, secrets } = world();
    const made = Array.from({ length: 2_500 }, (_, n) => keys.make(`key ${String(n)}`, START - 600_000 + n));
    const read = keys.after;
    keys.after = async (id, limit) => {
      if (keys.is.reads === 1) keys.is.away = true;
      return read(id, limit);
    };
    await secrets.start();
    assert.equal(secrets.isUpToDate(), false);
    assert.ok(!made.every(secrets.has));
    keys.after = read;
    keys.is.away = false;
    await until('all', () => secrets.isUpToDate() && made.every(secrets.has));
  });

  it('asks for nothing any more once it is stopped', async () => {
    const { keys, secrets } = world();
    await secrets.start();
    await secrets.stop();
    const { reads } = keys.is;
    await sleep(3 * EVERY_MS);
    assert.equal(keys.is.reads, reads);
  });
});
