import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ObjectId } from 'mongodb';
import { type Current, type FlagChange, flagFollower } from '../../api/flags/follower.js';
import type { FlagStateChange } from '../../db/flag-state-stream.js';
import type { Definitions, Flag } from '../../domain/flag.js';
import { currentOf, isUnavailable, NOBODY } from '../helper/current-flags.js';
import { flagOf, ruleOf } from '../helper/flag.js';
import { conditionOf } from '../helper/flag-editor.js';
import { until } from '../helper/until.js';

const numberOf = ({ compiled }: Current): unknown => compiled.evaluate('n', NOBODY)?.value;

/** A flag that answers the version it is of. */
const numbered = (version: number): Definitions => ({
  version,
  flags: [flagOf({ key: 'n', type: 'number', defaultValue: version, version })],
  segments: [],
});

/** A database that can be away, and a stream that can die; both are told what to say. */
function world() {
  const appId = new ObjectId();
  let now = numbered(1);
  let ahead = 0;
  let stands: number | undefined;
  const is = { away: false, pollBroken: false, streamBroken: false, reads: 0, looks: 0, watched: 0 };
  const told: (FlagStateChange | Error)[] = [];
  const state = () => ({ _id: appId, version: now.version, computed: 0, app: 'shop', changedAt: new Date() });
  const answer = async <T>(value: () => T | Promise<T>): Promise<T> => {
    await sleep(1);
    if (is.away) throw new Error('away');
    return value();
  };
  const follower = flagFollower({
    definitions: {
      read: () => {
        is.reads++;
        return answer(() => now);
      },
    },
    states: {
      find: () => {
        is.looks++;
        return answer(state);
      },
      versions: () => answer(() => (is.pollBroken ? Promise.reject(new Error('no poll')) : [state()])),
    },
    watch: () => {
      is.watched++;
      return {
        async next() {
          if (is.streamBroken) throw new Error('ChangeStreamHistoryLost');
          await sleep(5);
          const heard = told.shift();
          if (heard instanceof Error) throw heard;
          if (is.away) throw new Error('away');
          return heard;
        },
        close: () => Promise.resolve(),
      };
    },
    clock: () => stands ?? performance.now() + ahead,
  });
  return {
    appId,
    follower,
    is,
    define(next: Definitions): void {
      now = next;
    },
    tell: (change: FlagStateChange | Error) => told.push(change),
    /** What is known stays trusted. */
    stopClock(): void {
      stands = performance.now();
    },
    /** As a process that was stopped finds it. */
    skip(ms: number): void {
      if (stands === undefined) ahead += ms;
      else stands += ms;
    },
  };
}

describe('the definitions that a process answers by', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });
  function followed() {
    const built = world();
    closing.push(built.follower.close);
    return built;
  }
  const untilNumber = ({ follower, appId }: ReturnType<typeof world>, version: number) =>
    until(`version ${String(version)}`, async () => {
      const current = await currentOf(follower, appId);
      return current !== undefined && numberOf(current) === version;
    });

  it('are read once for all who ask at one moment, and answer at once from then on', async () => {
    const { follower, appId, is } = followed();
    const all = await Promise.all(Array.from({ length: 100 }, async () => follower.current(appId)));
    assert.deepEqual([...new Set(all.map(numberOf))], [1]);
    assert.ok(is.reads <= 2, `${String(is.reads)} reads`);
    assert.ok(!(follower.current(appId) instanceof Promise));
  });

  it('follow the stream, without a poll', async () => {
    const built = followed();
    const { follower, appId, define, tell, is, stopClock } = built;
    await follower.current(appId);
    is.pollBroken = true;
    stopClock();
    define(numbered(2));
    tell({ appId, version: 2 });
    await untilNumber(built, 2);
    tell({ appId, passing: 2 });
    await until('a pass', async () => (await follower.current(appId)).passing === 2);
    tell({ appId, computed: 2 });
    await until('computed', async () => (await follower.current(appId)).computed === 2);
  });

  it('follow the poll where the stream has lost its history, and the next stream after it', async () => {
    const built = followed();
    const { follower, appId, define, tell, is, stopClock } = built;
    await follower.current(appId);
    await until('a stream', () => is.watched >= 1);
    stopClock();
    is.streamBroken = true;
    tell(new Error('ChangeStreamHistoryLost'));
    define(numbered(2));
    await untilNumber(built, 2);
    is.pollBroken = true;
    is.streamBroken = false;
    await until('another stream', () => is.watched >= 2);
    define(numbered(3));
    tell({ appId, version: 3 });
    await untilNumber(built, 3);
  });

  it('are not answered by once nobody has confirmed them for two seconds', async () => {
    const { follower, appId, is, define, skip, stopClock } = followed();
    stopClock();
    await follower.current(appId);
    is.away = true;
    skip(1_900);
    assert.equal(numberOf(await follower.current(appId)), 1, 'a moment ago they were the newest');
    skip(200);
    await assert.rejects(async () => follower.current(appId), isUnavailable);
    define(numbered(2));
    is.away = false;
    assert.equal(numberOf(await follower.current(appId)), 2, 'the first one that can be answered is the newest');
  });

  it('are read again by a process that was stopped, before it answers', async () => {
    const { follower, appId, define, skip } = followed();
    await follower.current(appId);
    define(numbered(2));
    skip(10_000);
    assert.equal(numberOf(await follower.current(appId)), 2);
  });

  it('are read again where somebody has seen a newer version, and not where nobody can have', async () => {
    const { follower, appId, define, is } = followed();
    await follower.current(appId);
    define(numbered(7));
    assert.equal(numberOf(await follower.current(appId)), 1, 'nobody has told this process yet');
    assert.equal(numberOf(await follower.current(appId, 7)), 7);
    const { reads, looks } = is;
    const lies = Array.from({ length: 50 }, async () => numberOf(await follower.current(appId, 999_999)));
    assert.deepEqual([...new Set(await Promise.all(lies))], [7]);
    assert.equal(is.reads, reads, 'an invented version makes nobody read definitions');
    assert.ok(is.looks - looks <= 3, `${String(is.looks - looks)} looks`);
  });

  it('may go back, as they do when a backup is put back', async () => {
    const built = followed();
    const { follower, appId, define } = built;
    define(numbered(9));
    await follower.current(appId);
    define(numbered(3));
    await untilNumber(built, 3);
  });

  it('tell those who listen which flags may answer differently', async () => {
    const built = followed();
    const { follower, appId, define, tell } = built;
    const names = (key: string) =>
      flagOf({ key, rules: [ruleOf({ conditions: [conditionOf('', 'in_segment', 'beta')] })] });
    const flags: Flag[] = [
      flagOf({ key: 'same' }),
      flagOf({ key: 'edited' }),
      flagOf({ key: 'gone' }),
      names('by-segment'),
      flagOf({ key: 'behind', prerequisites: [{ flagKey: 'edited', values: [true] }] }),
      flagOf({ key: 'far-behind', prerequisites: [{ flagKey: 'behind', values: [true] }] }),
    ];
    const segment = (plan: string) => [
      { key: 'beta', clauses: [{ conditions: [conditionOf('plan', 'equals', plan)] }] },
    ];
    define({ version: 1, flags, segments: segment('pro') });
    const heard: FlagChange[] = [];
    const subscription = await follower.subscribe(appId, (change) => heard.push(change));
    assert.equal(subscription.version, 1);
    const change = async (next: Definitions) => {
      const { length } = heard;
      define(next);
      tell({ appId, version: next.version });
      await until('told', () => heard.length > length);
      return [...(heard.at(-1)?.changedKeys ?? [])].sort();
    };
    const edited = flags
      .filter(({ key }) => key !== 'gone')
      .map((flag) => (flag.key === 'edited' ? { ...flag, version: 2 } : flag));
    assert.deepEqual(
      await change({ version: 2, flags: [...edited, flagOf({ key: 'new' })], segments: segment('pro') }),
      ['behind', 'edited', 'far-behind', 'gone', 'new'],
    );
    const bySegment = { version: 3, flags: [...edited, flagOf({ key: 'new' })], segments: segment('free') };
    assert.deepEqual(await change(bySegment), ['by-segment']);
    const versions = heard.map(({ version }) => version);
    assert.deepEqual(versions, [2, 3]);
    subscription.end();
    define(numbered(4));
    tell({ appId, version: 4 });
    await untilNumber(built, 4);
    assert.equal(heard.length, 2);
  });

  it('are forgotten where others need the room, and whoever listens is still told of the next version', async () => {
    const versions = new Map<string, number>();
    const versionOf = (appId: ObjectId): number => versions.get(appId.toHexString()) ?? 1;
    const told: FlagStateChange[] = [];
    const follower = flagFollower({
      definitions: { read: async (appId) => numbered(versionOf(appId)) },
      states: { find: async () => undefined, versions: async () => [] },
      watch: () => ({
        next: async () => {
          await sleep(1);
          return told.shift();
        },
        close: () => Promise.resolve(),
      }),
      maxBytes: 10_000,
    });
    closing.push(follower.close);
    const listened = new ObjectId();
    const heard: FlagChange[] = [];
    await follower.subscribe(listened, (change) => heard.push(change));
    for (let n = 0; n < 10; n++) await follower.current(new ObjectId());
    assert.ok(follower.bytes() <= 10_000);
    versions.set(listened.toHexString(), 2);
    told.push({ appId: listened, version: 2 });
    await until('told', () => heard.length > 0);
    assert.deepEqual(heard, [{ version: 2, changedKeys: undefined }]);
    assert.equal(numberOf(await follower.current(listened)), 2);
  });
});
