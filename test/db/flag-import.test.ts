import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { ObjectId } from 'mongodb';
import { applySchema } from '../../db/schema.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { changer, flagStore, newFlag, newRule } from '../helper/flags.js';
import { refusal } from '../helper/refusal.js';

describe('an import', () => {
  let it_: TestDatabase;
  let store: ReturnType<typeof flagStore>;
  before(async () => {
    it_ = await testDatabase('flag_import');
    await applySchema(it_.db);
    store = flagStore(it_.client, it_.db);
  });
  after(() => it_.close());
  const count = (name: string, appId: ObjectId) => it_.db.collection(name).countDocuments({ appId });

  it('of 1,000 flags is one version of the app and one call to whoever keeps the sets', async () => {
    const by = changer();
    const flags = Array.from({ length: 1_000 }, (_, n) =>
      newFlag(`flag-${String(n)}`, {
        rules: Array.from({ length: 5 }, (_r, r) => newRule(`r${String(r)}`, { rolloutPercentage: 10 * r })),
        prerequisites: n === 0 ? [] : [{ flagKey: `flag-${String((n - 1) >> 1)}`, values: [true] }],
      }),
    );
    const report = await store.importFlags({ ...by, flags, segments: [] });
    assert.deepEqual(report, { version: 1, created: 1_000, changed: 0, unchanged: 0 });
    assert.equal(await count('feature_flags', by.appId), 1_000);
    assert.equal(await count('flag_revisions', by.appId), 1_000);
    assert.equal(await count('audit_log', by.appId), 1_000);
    assert.equal(store.told.filter((one) => one.appId.equals(by.appId)).length, 1);
    await assert.rejects(store.flagChanges.create({ ...by, flag: newFlag('one-more') }), /at most 1000 flags/);
    await assert.rejects(store.importFlags({ ...by, flags: [newFlag('one-more')], segments: [] }), /at most 1000/);
  });

  it('changes what it names and nothing else, also segments and prerequisites that are inside it', async () => {
    const by = changer();
    const owner = by.actor.id;
    await store.flagChanges.create({ ...by, flag: newFlag('kept') });
    await store.flagChanges.create({ ...by, flag: newFlag('owned', { owner }) });
    await store.flagChanges.create({ ...by, flag: newFlag('gone') });
    await store.flagChanges.kill({ ...by, flagKey: 'owned' });
    await store.flagChanges.archive({ ...by, flagKey: 'gone' });
    const conditions = [{ attribute: '', operator: 'in_segment', values: ['new'] }];
    const report = await store.importFlags({
      ...by,
      ifVersion: 5,
      flags: [
        newFlag('owned', { description: 'imported' }),
        newFlag('gone'),
        newFlag('first', { prerequisites: [{ flagKey: 'second', values: [true] }] }),
        newFlag('second', { rules: [newRule('r', { conditions })] }),
      ],
      segments: [
        {
          key: 'new',
          description: '',
          clauses: [{ conditions: [{ attribute: 'a', operator: 'exists', values: [] }] }],
        },
      ],
    });
    assert.deepEqual(report, { version: 6, created: 3, changed: 2, unchanged: 0 });
    const owned = await store.flags.find(by.appId, 'owned');
    assert.deepEqual([owned?.owner, owned?.description, owned?.version], [owner, 'imported', 3]);
    assert.ok(owned?.killedAt instanceof Date, 'the kill switch stays on');
    assert.equal((await store.flags.find(by.appId, 'gone'))?.archivedAt, null);
    assert.equal((await store.flags.find(by.appId, 'kept'))?.version, 1);
    await assert.rejects(
      store.importFlags({ ...by, ifVersion: 5, flags: [newFlag('late')], segments: [] }),
      refusal('PRECONDITION_FAILED'),
    );
  });

  it('is all or nothing', async () => {
    const by = changer();
    const sound = newFlag('sound');
    const wrong: readonly [what: object, why: RegExp][] = [
      [{ flags: [sound, newFlag('bad', { defaultValue: 1 })] }, /flag bad \/defaultValue/],
      [{ flags: [sound, sound] }, /sound is there twice/],
      [
        {
          flags: [
            newFlag('a', { prerequisites: [{ flagKey: 'b', values: [true] }] }),
            newFlag('b', { prerequisites: [{ flagKey: 'a', values: [true] }] }),
          ],
        },
        /prerequisites/,
      ],
      [
        {
          flags: [sound],
          segments: [
            { key: 's', description: '', clauses: [{ conditions: [{ attribute: 'x', operator: 'no', values: [] }] }] },
          ],
        },
        /segment s/,
      ],
    ];
    for (const [given, why] of wrong) {
      await assert.rejects(store.importFlags({ ...by, flags: [], segments: [], ...given }), why);
    }
    await store.flagChanges.create({ ...by, flag: newFlag('typed', { type: 'number', defaultValue: 1 }) });
    await assert.rejects(
      store.importFlags({ ...by, flags: [sound, newFlag('typed')], segments: [] }),
      /is of type number/,
    );
    assert.deepEqual(
      await Promise.all(
        ['feature_flags', 'flag_segments', 'flag_revisions', 'audit_log'].map((name) => count(name, by.appId)),
      ),
      [1, 0, 1, 1],
    );
  });
});
