import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { BSON, type ObjectId } from 'mongodb';
import type { AuditDoc } from '../../db/audit.js';
import type { FlagRevisionDoc } from '../../db/flag-revisions.js';
import type { FlagStateDoc } from '../../db/flag-states.js';
import { applySchema } from '../../db/schema.js';
import { FLAG_LIMITS } from '../../domain/flag-limits.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { changer, flagStore, newFlag, newRule } from '../helper/flags.js';
import { refusal } from '../helper/refusal.js';

describe('changes of flags', () => {
  let it_: TestDatabase;
  let store: ReturnType<typeof flagStore>;
  before(async () => {
    it_ = await testDatabase('flag_changes');
    await applySchema(it_.db);
    store = flagStore(it_.client, it_.db);
  });
  after(() => it_.close());

  const revisions = (appId: ObjectId) =>
    it_.db.collection<FlagRevisionDoc>('flag_revisions').find({ appId }).sort({ appVersion: 1, _id: 1 }).toArray();
  const audits = (appId: ObjectId) =>
    it_.db.collection<AuditDoc>('audit_log').find({ appId }).sort({ _id: 1 }).toArray();
  const versionOf = async (appId: ObjectId) => (await store.flagStates.find(appId))?.version ?? 0;

  it('each make a version of the flag and of the app, a revision, and an audit entry with before, after and note', async () => {
    const by = changer();
    const { appId } = by;
    await store.flagChanges.create({ ...by, flag: newFlag('dark'), note: 'for the autumn' });
    const rules = [newRule('beta', { rolloutPercentage: 5 })];
    const changed = await store.flagChanges.change({ ...by, flagKey: 'dark', change: { rules, tags: ['ui'] } });
    assert.deepEqual([changed.version, changed.rules, changed.tags], [2, rules, ['ui']]);
    await store.flagChanges.kill({ ...by, flagKey: 'dark', note: 'it hurts' });
    await store.flagChanges.revive({ ...by, flagKey: 'dark' });
    await store.flagChanges.archive({ ...by, flagKey: 'dark' });
    const last = await store.flagChanges.restore({ ...by, flagKey: 'dark' });
    assert.equal(last.version, 6);
    assert.deepEqual(last.rules, rules);
    assert.equal(await versionOf(appId), 6);

    const stored = await revisions(appId);
    const actions = ['created', 'changed', 'killed', 'revived', 'archived', 'restored'].map((verb) => `flag.${verb}`);
    assert.deepEqual(
      stored.map(({ version, appVersion, action, note }) => [version, appVersion, action, note]),
      actions.map((action, n) => [n + 1, n + 1, action, { 0: 'for the autumn', 2: 'it hurts' }[n]]),
    );
    assert.deepEqual(
      stored.map(({ flag }) => [flag.rules.length, flag.killedAt !== null, flag.archivedAt !== null]),
      [
        [0, false, false],
        [1, false, false],
        [1, true, false],
        [1, false, false],
        [1, false, true],
        [1, false, false],
      ],
    );
    const told = await audits(appId);
    assert.deepEqual(
      told.map(({ action }) => action),
      actions,
    );
    assert.equal(told[0]?.before, null);
    assert.equal(told[0].note, 'for the autumn');
    assert.deepEqual([told[1]?.before?.['rules'], told[1]?.after?.['rules']], [[], rules]);
    assert.deepEqual([told[1]?.before?.['version'], told[1]?.after?.['version']], [1, 2]);
    assert.deepEqual(store.told.filter((one) => one.appId.equals(appId)).length, 6);
  });

  it('that change nothing make no version, and tell nobody', async () => {
    const by = changer();
    const flag = newFlag('same', { type: 'json', defaultValue: { b: [1], a: { c: null } }, owner: by.actor.id });
    await store.flagChanges.create({ ...by, flag });
    const defaultValue = { a: { c: null }, b: [1] };
    const same = await store.flagChanges.change({
      ...by,
      flagKey: 'same',
      change: { defaultValue, owner: by.actor.id },
    });
    assert.equal(same.version, 1);
    await store.flagChanges.revive({ ...by, flagKey: 'same' });
    await store.flagChanges.restore({ ...by, flagKey: 'same' });
    await store.flagChanges.revert({ ...by, flagKey: 'same', version: 1 });
    await store.importFlags({ ...by, flags: [flag], segments: [] });
    assert.equal(await versionOf(by.appId), 1);
    assert.equal((await revisions(by.appId)).length, 1);
    assert.equal((await audits(by.appId)).length, 1);
    assert.equal(store.told.filter((one) => one.appId.equals(by.appId)).length, 1);
  });

  it('are refused where the version they were made for is not the newest: of two at once, one is', async () => {
    const by = changer();
    await store.flagChanges.create({ ...by, flag: newFlag('race') });
    for (let version = 1; version <= 5; version++) {
      const outcomes = await Promise.allSettled(
        ['a', 'b', 'c'].map((description) =>
          store.flagChanges.change({
            ...by,
            flagKey: 'race',
            ifVersion: version,
            change: { description: `${description}${String(version)}` },
          }),
        ),
      );
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') assert.ok(refusal('PRECONDITION_FAILED')(outcome.reason));
      }
    }
    assert.equal(await versionOf(by.appId), 6);
  });

  it('of different flags take turns: twenty at once have twenty versions of the app without a gap', async () => {
    const by = changer();
    const keys = Array.from({ length: 20 }, (_, n) => `flag-${String(n)}`);
    await Promise.all(keys.map((key) => store.flagChanges.create({ ...by, flag: newFlag(key) })));
    assert.equal(await versionOf(by.appId), 20);
    const edits = keys.map((flagKey) =>
      store.flagChanges.change({ ...by, flagKey, ifVersion: 1, change: { description: 'edited' } }),
    );
    assert.deepEqual(new Set((await Promise.all(edits)).map(({ version }) => version)), new Set([2]));
    const stored = await revisions(by.appId);
    assert.deepEqual(
      stored.map(({ appVersion }) => appVersion),
      Array.from({ length: 40 }, (_, n) => n + 1),
    );
    assert.equal(new Set(stored.map(({ flagKey, version }) => `${flagKey} ${String(version)}`)).size, 40);
    assert.equal((await audits(by.appId)).length, 40);
  });

  it('are taken back in one, to any version, except that a kill switch stays on', async () => {
    const by = changer();
    const flag = newFlag('back', { type: 'number', defaultValue: 1, tags: ['one'] });
    await store.flagChanges.create({ ...by, flag });
    for (let n = 2; n <= 4; n++) {
      const rules = [newRule(`r${String(n)}`, { value: n })];
      await store.flagChanges.change({ ...by, flagKey: 'back', change: { defaultValue: n, rules, tags: [] } });
    }
    await store.flagChanges.kill({ ...by, flagKey: 'back' });
    const back = await store.flagChanges.revert({ ...by, flagKey: 'back', version: 1, ifVersion: 5, note: 'sorry' });
    assert.deepEqual([back.version, back.defaultValue, back.rules, back.tags], [6, 1, [], ['one']]);
    assert.ok(back.killedAt instanceof Date);
    const third = await store.flagChanges.revert({ ...by, flagKey: 'back', version: 3 });
    assert.deepEqual([third.version, third.defaultValue, third.rules[0]?.ruleId], [7, 3, 'r3']);
    await assert.rejects(store.flagChanges.revert({ ...by, flagKey: 'back', version: 99 }), refusal('NOT_FOUND'));
    const entry = (await audits(by.appId)).at(-2);
    assert.deepEqual([entry?.action, entry?.note, entry?.before?.['defaultValue']], ['flag.reverted', 'sorry', 4]);
  });

  it('keep what a flag of the seed’s plain shape was, as its version 1', async () => {
    const by = changer();
    const { description, type, defaultValue, enabled } = newFlag('plain');
    const times = { createdAt: new Date(5), updatedAt: new Date(9), createdBy: by.actor.id };
    const plain = { appId: by.appId, key: 'plain', description, type, defaultValue, enabled, rules: [], ...times };
    await it_.db.collection('feature_flags').insertOne(plain);
    const edited = await store.flagChanges.change({ ...by, flagKey: 'plain', change: { enabled: false } });
    assert.equal(edited.version, 2);
    assert.deepEqual(
      (await revisions(by.appId)).map(({ version, appVersion, action, at }) => [version, appVersion, action, +at > 9]),
      [
        [1, 0, 'flag.found', false],
        [2, 1, 'flag.changed', true],
      ],
    );
    const back = await store.flagChanges.revert({ ...by, flagKey: 'plain', version: 1 });
    assert.deepEqual([back.version, back.enabled], [3, true]);
  });

  it('are refused where the definition could not be evaluated, and leave nothing', async () => {
    const by = changer();
    await store.flagChanges.create({ ...by, flag: newFlag('ok') });
    const wrong = [
      { defaultValue: 'text' },
      { rules: [newRule('a'), newRule('a')] },
      { rules: [newRule('a', { conditions: [{ attribute: 'x', operator: 'nope', values: ['1'] }] })] },
      { rules: [newRule('a', { conditions: [{ attribute: 'x', operator: 'matches', values: ['('] }] })] },
      { rules: [newRule('a', { conditions: [{ attribute: '', operator: 'in_segment', values: ['who'] }] })] },
      { prerequisites: [{ flagKey: 'missing', values: [true] }] },
      { prerequisites: [{ flagKey: 'ok', values: [true] }] },
      { valueSchema: '{}' },
    ];
    for (const change of wrong) {
      const edit = store.flagChanges.change({ ...by, flagKey: 'ok', change });
      await assert.rejects(edit, refusal('REQUEST_INVALID'), JSON.stringify(change));
    }
    await assert.rejects(store.flagChanges.create({ ...by, flag: newFlag('ok') }), refusal('CONFLICT'));
    await assert.rejects(store.flagChanges.kill({ ...by, flagKey: 'no' }), refusal('NOT_FOUND'));
    const stored = await revisions(by.appId);
    assert.equal(await versionOf(by.appId), stored.length);
    assert.equal((await audits(by.appId)).length, stored.length);
  });

  it('check JSON values by the flag’s own schema, those of rules and variants too', async () => {
    const by = changer();
    const valueSchema = JSON.stringify({ type: 'object', required: ['n'], properties: { n: { type: 'integer' } } });
    const flag = newFlag('config', { type: 'json', defaultValue: { n: 1 }, valueSchema });
    await store.flagChanges.create({ ...by, flag });
    const variants = (value: unknown) => [
      newRule('a', { value: { n: 2 }, variants: [{ key: 'x', value, weight: 1 }] }),
    ];
    const change = (rules: unknown) =>
      store.flagChanges.change({ ...by, flagKey: 'config', change: { rules: rules as ReturnType<typeof variants> } });
    await change(variants({ n: 3 }));
    await assert.rejects(change(variants({ n: 'three' })), /\/rules\/0\/variants\/0\/value\/n: is no integer/);
    await assert.rejects(change([newRule('a', { value: {} })]), /\/rules\/0\/value: has no "n"/);
    await assert.rejects(
      store.flagChanges.change({ ...by, flagKey: 'config', change: { valueSchema: '{"$ref":"#"}' } }),
      /\/valueSchema.*not supported/,
    );
  });

  it('do not take away what others rest on, and never close a circle', async () => {
    const by = changer();
    await store.flagChanges.create({ ...by, flag: newFlag('base') });
    const prerequisites = [{ flagKey: 'base', values: [true] }];
    await store.flagChanges.create({ ...by, flag: newFlag('top', { prerequisites }) });
    await assert.rejects(store.flagChanges.archive({ ...by, flagKey: 'base' }), /prerequisite of top/);
    const circle = { prerequisites: [{ flagKey: 'top', values: [true] }] };
    await assert.rejects(
      store.flagChanges.change({ ...by, flagKey: 'base', change: circle }),
      refusal('REQUEST_INVALID'),
    );

    const clauses = [{ conditions: [{ attribute: 'mail', operator: 'ends_with', values: ['@us.example'] }] }];
    await store.flagSegmentChanges.create({ ...by, segment: { key: 'staff', description: '', clauses } });
    const rules = [newRule('r', { conditions: [{ attribute: '', operator: 'in_segment', values: ['staff'] }] })];
    await store.flagChanges.change({ ...by, flagKey: 'top', change: { rules } });
    await assert.rejects(store.flagSegmentChanges.remove({ ...by, segmentKey: 'staff' }), /rules of top/);
    await store.flagChanges.archive({ ...by, flagKey: 'top' });
    await store.flagChanges.archive({ ...by, flagKey: 'base' });
    await store.flagSegmentChanges.remove({ ...by, segmentKey: 'staff' });
    await assert.rejects(store.flagChanges.restore({ ...by, flagKey: 'top' }), refusal('CONFLICT'));
    await assert.rejects(store.flagChanges.change({ ...by, flagKey: 'top', change: { tags: [] } }), /archived/);
    await assert.rejects(store.flagChanges.create({ ...by, flag: newFlag('base') }), /restore it/);
  });

  it('are refused where the definitions of the app become too much, until some are archived', async () => {
    const by = changer();
    const { appId } = by;
    await store.flagChanges.create({ ...by, flag: newFlag('small') });
    const states = it_.db.collection<FlagStateDoc>('flag_states');
    const bytes = async () => (await store.flagStates.find(appId))?.definitionBytes ?? 0;
    const stored = await it_.db.collection('feature_flags').findOne({ appId, key: 'small' });
    assert.equal(await bytes(), BSON.calculateObjectSize(stored ?? {}));

    await states.updateOne({ _id: appId }, { $set: { definitionBytes: FLAG_LIMITS.definitionBytes } });
    const version = await versionOf(appId);
    await assert.rejects(store.flagChanges.create({ ...by, flag: newFlag('more') }), refusal('CONFLICT'));
    assert.equal(await versionOf(appId), version);
    await store.flagChanges.archive({ ...by, flagKey: 'small' });
    await store.flagChanges.create({ ...by, flag: newFlag('more') });
  });

  it('of segments are versions of the app too', async () => {
    const by = changer();
    const clauses = [{ conditions: [{ attribute: 'plan', operator: 'equals', values: ['pro'] }] }];
    const segment = { key: 'pro', description: '', clauses };
    await store.flagSegmentChanges.create({ ...by, segment });
    await assert.rejects(store.flagSegmentChanges.create({ ...by, segment }), refusal('CONFLICT'));
    const change = { description: 'who pays' };
    const edited = await store.flagSegmentChanges.change({ ...by, segmentKey: 'pro', ifVersion: 1, change });
    assert.deepEqual([edited.version, edited.clauses], [2, clauses]);
    await assert.rejects(
      store.flagSegmentChanges.change({ ...by, segmentKey: 'pro', ifVersion: 1, change: { description: 'x' } }),
      refusal('PRECONDITION_FAILED'),
    );
    const broken = { clauses: [{ conditions: [{ attribute: 'x', operator: 'gt', values: ['many'] }] }] };
    await assert.rejects(
      store.flagSegmentChanges.change({ ...by, segmentKey: 'pro', change: broken }),
      refusal('REQUEST_INVALID'),
    );
    await store.flagSegmentChanges.remove({ ...by, segmentKey: 'pro', note: 'not needed' });
    await assert.rejects(store.flagSegmentChanges.remove({ ...by, segmentKey: 'pro' }), refusal('NOT_FOUND'));
    assert.equal(await versionOf(by.appId), 3);
    const told = await audits(by.appId);
    assert.deepEqual(
      told.map(({ action, before, after }) => [action, before?.['version'], after?.['version']]),
      [
        ['flag-segment.created', undefined, 1],
        ['flag-segment.changed', 1, 2],
        ['flag-segment.removed', 2, undefined],
      ],
    );
  });
});
