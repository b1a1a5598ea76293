import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { ObjectId } from 'mongodb';
import { flagDefinitions } from '../../db/flag-definitions.js';
import { type FlagSetDoc, flagSetsSpec, reasonsOf, standingOf } from '../../db/flag-sets.js';
import { flagStates } from '../../db/flag-states.js';
import { profileIdOf } from '../../db/ids.js';
import type { ProfileDoc } from '../../db/profiles.js';
import { TASK_QUEUE } from '../../domain/task-queue.js';
import { compileFlags } from '../../domain/flag-evaluation.js';
import { setOf } from '../../domain/flag-set.js';
import { FLAG_SET_SWEEP_ID } from '../../workflows/flag-set-sweep.js';
import { flagSets, flagSetsChanged, flagSetsId } from '../../workflows/flag-sets.js';
import { flagStore, newFlag, newRule } from '../helper/flags.js';
import { runningSystem, type System, type TestApp } from '../helper/system.js';

const ACTOR = { kind: 'member', id: new ObjectId(), name: 'test' } as const;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('flag sets, whatever dies', () => {
  let system: System;
  let other: ReturnType<System['workerWith']> | undefined;
  before(async () => {
    system = await runningSystem('flag-sets');
    await Promise.all([system.api.start(), system.worker.start()]);
  });
  after(async () => {
    await other?.stop();
    await system.stop();
  });

  const people = async (app: TestApp, count: number) => {
    const names = Array.from({ length: count }, (_, n) => `user-${String(n)}`);
    const at = new Date();
    await system.db.collection<ProfileDoc>('profiles').insertMany(
      names.map((externalId, n) => ({
        appId: app.id,
        profileId: profileIdOf(app.id, externalId),
        externalId,
        attributes: { n, plan: n % 2 === 0 ? 'pro' : 'free' },
        firstSeen: at,
        lastSeen: at,
      })),
    );
    return names;
  };

  /** Two flags that always say the same; the version that this makes. */
  async function define(app: TestApp, text: string, percentage = 50): Promise<number> {
    const rules = [newRule('some', { rolloutPercentage: percentage, value: `${text}!` })];
    const flags = ['left', 'right'].map((key) =>
      newFlag(key, {
        type: 'string',
        defaultValue: text,
        rules: rules.map((rule) => ({ ...rule, bucketBy: 'n' })),
      }),
    );
    const { importFlags } = flagStore(system.mongodb, system.db);
    const by = { actor: ACTOR, appId: app.id, app: app.appId };
    const { version } = await importFlags({ ...by, flags, segments: [] });
    return version;
  }
  const tell = (app: TestApp) =>
    system.temporal.workflow.signalWithStart(flagSets, {
      ...flagSetsChanged(app.id.toHexString(), app.appId),
      taskQueue: TASK_QUEUE,
    });
  const state = async (app: TestApp) => {
    const found = await flagStates(system.db).find(app.id);
    assert.ok(found);
    return found;
  };
  const computed = async (app: TestApp, version: number, withinMs = 120_000) => {
    for (const until = Date.now() + withinMs; Date.now() < until; await pause(50))
      if ((await state(app)).computed >= version) return;
    assert.fail(`version ${String(version)} was not reached: ${JSON.stringify(await state(app))}`);
  };
  const sets = () => system.db.collection<FlagSetDoc>(flagSetsSpec.name);
  const stored = async (app: TestApp, count: number) => {
    for (const until = Date.now() + 60_000; (await sets().countDocuments({ appId: app.id })) < count; await pause(10))
      assert.ok(Date.now() < until, 'no pass has begun');
  };

  /** How many sets count as right; each is compared with an evaluation. */
  async function judge(app: TestApp): Promise<number> {
    const now = await state(app);
    const compiled = compileFlags(await flagDefinitions(system.mongodb, system.db).read(app.id));
    const found = await system.db.collection<ProfileDoc>('profiles').find({ appId: app.id }).toArray();
    const profiles = new Map(found.map((profile) => [profile.profileId.toHexString(), profile]));
    let right = 0;
    for await (const set of sets().find({ appId: app.id })) {
      if (standingOf(set, now) !== 'right') continue;
      right += 1;
      const { externalId: targetingKey, attributes = {} } = profiles.get(set.profileId.toHexString()) ?? {};
      const { flags, digest } = set;
      const fresh = setOf(compiled, { targetingKey, attributes });
      assert.ok(
        isDeepStrictEqual({ flags, reasons: reasonsOf(set), digest }, fresh),
        `${String(targetingKey)}: ${JSON.stringify(set)}`,
      );
    }
    return right;
  }

  it('are finished by another worker when one is killed in the middle of a pass', async () => {
    const app = await system.app('killed');
    await people(app, 30_000);
    const version = await define(app, 'one');
    await tell(app);
    await stored(app, 2_000);
    await system.worker.kill('SIGKILL');
    assert.ok((await state(app)).computed < version, 'it was killed in time');
    assert.ok((await sets().countDocuments({ appId: app.id })) < 30_000);
    await system.worker.start();
    await computed(app, version);
    assert.equal(await judge(app), 30_000);
    await system.temporal.workflow.getHandle(flagSetsId(app.id.toHexString())).result();
  });

  it('are not touched any more by a worker that was frozen in an older pass', async () => {
    const app = await system.app('frozen');
    await people(app, 20_000);
    const old = await define(app, 'old');
    await tell(app);
    await stored(app, 2_000);
    const pid = system.worker.pid();
    process.kill(pid, 'SIGSTOP');
    try {
      assert.ok((await state(app)).computed < old, 'it was frozen in time');
      other = system.workerWith({});
      await other.start();
      const version = await define(app, 'new', 30);
      // Temporal gives this to the frozen one first, whose turn has to run out.
      await tell(app);
      await computed(app, version);
      assert.equal(await judge(app), 20_000);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    await pause(3_000);
    assert.equal(await judge(app), 20_000);
    assert.equal(await sets().countDocuments({ appId: app.id, v: old }), 0);
    // What follows is done by the one that was frozen.
    await other.stop();
    other = undefined;
  });

  it('are found by the schedule when the signal of a change is lost', async () => {
    const app = await system.app('lost');
    await people(app, 10);
    const version = await define(app, 'unheard');
    await system.temporal.schedule.getHandle(FLAG_SET_SWEEP_ID).trigger();
    await computed(app, version);
    assert.equal(await judge(app), 10);
  });

  it('never show two versions in one answer, nor an older one to who has seen a newer', async () => {
    const app = await system.app('mixed');
    const names = await people(app, 2_000);
    let version = await define(app, '1');
    await tell(app);
    await computed(app, version);
    let running = true;
    let answers = 0;
    const seen = new Set<string>();

    const reader = async (first: number) => {
      let etag = '';
      for (let n = first; running; n = (n + 7) % names.length) {
        const answer = await fetch(`${system.url}/v1/flags?profileId=${names[n] ?? ''}`, {
          headers: { authorization: `Bearer ${app.key}`, 'if-none-match': etag },
        });
        assert.equal(answer.status, 200);
        const { flags } = (await answer.json()) as { flags: { left: string; right: string } };
        const [left, right] = [flags.left, flags.right].map((said) => said.replace('!', ''));
        assert.equal(left, right, JSON.stringify(flags));
        const before = Number(/"(\d+)-/.exec(etag)?.[1] ?? 0);
        etag = answer.headers.get('etag') ?? '';
        const now = Number(/"(\d+)-/.exec(etag)?.[1] ?? 0);
        assert.ok(now >= before, `${String(now)} after ${String(before)}`);
        seen.add(String(now));
        answers += 1;
      }
    };
    const readers = Promise.all([0, 500, 1_000, 1_500].map(reader));
    for (let n = 2; n < 22; n++) {
      version = await define(app, String(n), (n * 17) % 101);
      if (n % 3 > 0) await tell(app);
      await pause(n % 5 === 0 ? 1_500 : 100);
    }
    await tell(app);
    await computed(app, version);
    running = false;
    await readers;
    assert.equal(await judge(app), 2_000);
    assert.ok(answers > 200 && seen.size > 10, `${String(answers)} answers of ${String(seen.size)} versions`);
  });
});
