import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ObjectId } from 'mongodb';
import { flagWriteBack, type WriteBackEntry } from '../../api/flags/write-back.js';
import type { SetWrites } from '../../db/flag-set-writes.js';
import { SLACK_MS, until } from '../helper/until.js';

const APP = new ObjectId();
const quiet = { debug: () => undefined };

const entry = (more: Partial<WriteBackEntry> = {}): WriteBackEntry => ({
  appId: APP,
  profileId: new ObjectId(),
  version: 3,
  profileRev: undefined,
  set: { flags: { dark: true }, reasons: { dark: { reason: 'DEFAULT' } }, digest: 'd' },
  ...more,
});

/** A store that takes as long as the test says. */
function store() {
  const written: SetWrites[] = [];
  let open = (): void => undefined;
  let gate: Promise<void> | undefined;
  return {
    written,
    hold(): void {
      gate = new Promise((resolve) => (open = resolve));
    },
    release: () => open(),
    async back(given: SetWrites): Promise<number> {
      written.push(given);
      await gate;
      return given.writes.length;
    },
  };
}

describe('what answers hand over to be stored', () => {
  it('is written in one piece for each app and version, as text', async () => {
    const writes = store();
    const { writeBack } = flagWriteBack({ writes, log: quiet, everyMs: 20, now: () => 1_000 });
    const [first, second, newer] = [entry(), entry({ profileRev: 7 }), entry({ version: 4 })];
    const other = entry({ appId: new ObjectId() });
    for (const each of [first, second, newer, other]) writeBack(each);
    assert.equal(writes.written.length, 0, 'nobody waits for it');
    await until('three pieces', () => writes.written.length === 3);
    const [one, two, three] = writes.written;
    const written = { flags: { dark: true }, reasons: '{"dark":{"reason":"DEFAULT"}}', digest: 'd' };
    assert.deepEqual(one, {
      appId: APP,
      version: 3,
      at: new Date(1_000),
      writes: [
        { profileId: first.profileId, profileRev: undefined, content: { kind: 'set', set: written } },
        { profileId: second.profileId, profileRev: 7, content: { kind: 'set', set: written } },
      ],
    });
    assert.deepEqual([two?.version, two?.writes.length], [4, 1]);
    assert.deepEqual([three?.appId, three?.writes.length], [other.appId, 1]);
  });

  it('is taken once for a profile, until that is written', async () => {
    const writes = store();
    const { writeBack } = flagWriteBack({ writes, log: quiet, everyMs: 1 });
    const one = entry();
    writes.hold();
    writeBack(one);
    writeBack({ ...one, version: 4 });
    await until('the first piece', () => writes.written.length === 1);
    writeBack({ ...one, version: 5 });
    writes.release();
    await until('the next piece', () => {
      writeBack({ ...one, version: 6 });
      return writes.written.length === 2;
    });
    assert.deepEqual(
      writes.written.map(({ version, writes: all }) => [version, all.length]),
      [
        [3, 1],
        [6, 1],
      ],
    );
  });

  it('is dropped when there is too much, and written in pieces of 200', async () => {
    const writes = store();
    const { writeBack, drain, bytes } = flagWriteBack({ writes, log: quiet, everyMs: 1 });
    writes.hold();
    writeBack(entry());
    await until('the first piece', () => writes.written.length === 1);
    for (let n = 0; n < 5_000; n++) writeBack(entry());
    writes.release();
    await drain();
    const sizes = writes.written.map(({ writes: all }) => all.length);
    const taken = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(taken > 2_000 && taken < 5_000, String(taken));
    assert.equal(Math.max(...sizes), 200);
    assert.equal(bytes(), 0);
    // The room is free again, but a process that stops takes nothing more.
    writeBack(entry());
    await sleep(20);
    assert.equal(writes.written.length, sizes.length);
  });

  it('is dropped where sets are too large to hold many of them', async () => {
    const writes = store();
    const { writeBack, drain } = flagWriteBack({ writes, log: quiet, everyMs: 60_000 });
    const flags = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`flag-${String(n)}`, true]));
    for (let n = 0; n < 500; n++) writeBack(entry({ set: { flags, reasons: {}, digest: 'd' } }));
    await drain();
    assert.equal(
      writes.written.reduce((sum, { writes: all }) => sum + all.length, 0),
      27,
    );
  });

  it('costs nobody anything when the database refuses it', async () => {
    const said: object[] = [];
    let refused = 0;
    const writes = {
      back: () => {
        refused += 1;
        return Promise.reject(new Error('no MongoDB'));
      },
    };
    const { writeBack, drain } = flagWriteBack({ writes, log: { debug: (facts) => said.push(facts) }, everyMs: 1 });
    const one = entry();
    writeBack(one);
    await until('the first refusal', () => refused === 1);
    await until('the next refusal', () => {
      writeBack(one);
      return refused === 2;
    });
    await drain();
    assert.equal(said.length, refused);
  });

  it('does not keep a process that stops from stopping', async () => {
    const writes = store();
    const { writeBack, drain } = flagWriteBack({ writes, log: quiet, everyMs: 1 });
    writes.hold();
    writeBack(entry());
    await until('the first piece', () => writes.written.length === 1);
    const began = performance.now();
    const alive = setInterval(() => undefined, 1_000);
    await drain();
    clearInterval(alive);
    assert.ok(performance.now() - began < 2_000 + SLACK_MS);
    writes.release();
  });
});
