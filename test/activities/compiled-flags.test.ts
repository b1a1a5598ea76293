import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { compiledFlags } from '../../activities/compiled-flags.js';
import { flagOf } from '../helper/flag.js';

function readings(characters: number) {
  const flags = [flagOf({ type: 'string', defaultValue: 'x'.repeat(characters) })];
  const read: string[] = [];
  const definitionsOf = compiledFlags({
    async read(appId) {
      read.push(appId.toHexString());
      return { version: 1, flags, segments: [] };
    },
  });
  return { read, definitionsOf };
}

describe('the definitions that passes evaluate', () => {
  it('are read once for all ranges, and again for a newer version', async () => {
    const { read, definitionsOf } = readings(10);
    const appId = new ObjectId();
    await Promise.all([definitionsOf(appId, 1), definitionsOf(appId, 1)]);
    await definitionsOf(appId, 1);
    assert.equal(read.length, 1);
    await definitionsOf(appId, 2);
    assert.equal(read.length, 2);
  });

  it('are forgotten where those of other apps need the room', async () => {
    const { read, definitionsOf } = readings(10 * 1024 * 1024);
    const apps = [new ObjectId(), new ObjectId(), new ObjectId()];
    for (const appId of apps) await definitionsOf(appId, 1);
    await definitionsOf(apps[2] ?? new ObjectId(), 1);
    assert.equal(read.length, 3);
    await definitionsOf(apps[0] ?? new ObjectId(), 1);
    assert.equal(read.length, 4);
  });
});
