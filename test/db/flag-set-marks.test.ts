import assert from 'node:assert/strict';
import { after, beforeEach, describe, it } from 'node:test';
import { type FlagLab, flagLab } from '../helper/flag-lab.js';

const FLAG = {
  key: 'checkout',
  rules: [{ conditions: [{ attribute: 'plan', operator: 'equals', values: ['team'] }] }],
};
const at = (second: number) => new Date(Date.UTC(2026, 10, 1, 12, 0, second));

describe('what is stated of a profile marks its flag set', () => {
  const labs: FlagLab[] = [];
  let lab: FlagLab;
  beforeEach(async () => {
    lab = await flagLab('flag-set-marks');
    labs.push(lab);
  });
  after(async () => {
    for (const each of labs) await each.close();
  });

  const marks = async (externalId: string) => {
    const set = await lab.setOf(externalId);
    return set === undefined ? undefined : { v: set.v, profileRev: set.profileRev };
  };

  it('where there is a set and where there is none', async () => {
    await lab.people(1);
    await lab.define(FLAG);
    await lab.pass(1);
    assert.deepEqual(await marks('user-0'), { v: 1, profileRev: 0 });
    await lab.identify('user-0', { plan: 'team' });
    await lab.identify('new', { plan: 'team' });
    assert.deepEqual(await marks('user-0'), { v: 0, profileRev: 1 });
    assert.deepEqual(await marks('new'), { v: 0, profileRev: 1 });
    assert.deepEqual((await lab.setOf('user-0'))?.flags, { checkout: false }, 'what was told last is still known');
    await lab.identify('user-0', { plan: 'free' });
    assert.deepEqual(await marks('user-0'), { v: 0, profileRev: 2 });
    await lab.pass(1);
    assert.deepEqual(await lab.judge(), { right: 2, wrong: [] });
  });

  it('only where it changes something: most say at each visit what is known', async () => {
    await lab.identify('anna', { plan: 'team', city: 'Bonn' }, at(10));
    await lab.define(FLAG);
    await lab.pass(1);
    await lab.identify('anna', { plan: 'team' }, at(20));
    await lab.identify('anna', {}, at(30));
    // Late, so that it would only fill gaps, of which there are none.
    await lab.identify('anna', { plan: 'free' }, at(5));
    assert.deepEqual(await marks('anna'), { v: 1, profileRev: 1 });
    await lab.identify('anna', { plan: 'team', size: 3 }, at(40));
    assert.deepEqual(await marks('anna'), { v: 0, profileRev: 2 });
  });

  it('once for a flush that says several things of one profile, and each of several profiles', async () => {
    const identify = (externalId: string, attributes: Record<string, unknown>, second: number) =>
      ({
        type: 'identify',
        appId: lab.appId,
        profileId: lab.idOf(externalId),
        externalId,
        attributes,
        at: at(second),
      }) as const;
    await lab.write(
      identify('a', { n: 1 }, 1),
      identify('b', { n: 1 }, 1),
      identify('a', { n: 2 }, 2),
      identify('a', { n: 2 }, 3),
    );
    assert.deepEqual(
      [await marks('a'), await marks('b')],
      [
        { v: 0, profileRev: 1 },
        { v: 0, profileRev: 1 },
      ],
    );
    await lab.write(identify('a', { n: 2 }, 4), identify('b', { n: 2 }, 4), {
      ...identify('b', {}, 5),
      appId: lab.idOf('other'),
    });
    assert.deepEqual(
      [await marks('a'), await marks('b')],
      [
        { v: 0, profileRev: 1 },
        { v: 0, profileRev: 2 },
      ],
    );
  });

  it('of another name too, which then has no set of its own', async () => {
    await lab.people(2);
    await lab.define(FLAG);
    await lab.pass(1);
    await lab.alias('user-0', 'user-1');
    const set = await lab.setOf('user-0');
    assert.deepEqual([set?.v, set?.profileRev, set?.aliasOf], [0, 1, lab.idOf('user-1')]);
    await lab.alias('nobody-yet', 'user-1');
    assert.deepEqual((await lab.setOf('nobody-yet'))?.aliasOf, lab.idOf('user-1'));
    assert.deepEqual(await lab.pass(1), { profiles: 2, rewritten: 0, superseded: false });
    assert.deepEqual(await lab.judge(), { right: 1, wrong: [] });
    const told = await lab.flagSets.of(lab.appId, [lab.idOf('user-0'), lab.idOf('user-1'), lab.idOf('nobody-yet')]);
    assert.deepEqual([...told.values()], [{ checkout: false }, { checkout: false }, { checkout: false }]);
  });

  it('is the name of itself again when that is said', async () => {
    await lab.people(2);
    await lab.define(FLAG);
    await lab.alias('user-0', 'user-1');
    await lab.alias('user-0', 'user-0');
    assert.equal((await lab.setOf('user-0'))?.aliasOf, undefined);
    await lab.pass(1);
    assert.deepEqual(await lab.judge(), { right: 2, wrong: [] });
  });

  it('in the transaction that changes the profile, or not at all', async () => {
    await lab.define(FLAG);
    const profiles = lab.db.collection('profiles');
    const appId = lab.appId;
    await assert.rejects(
      lab.write(
        { type: 'identify', appId, profileId: lab.idOf('x'), externalId: 'x', attributes: { a: 1 }, at: at(1) },
        { type: 'alias', appId, from: lab.idOf('y'), to: lab.idOf('x'), at: new Date(Number.NaN) },
        {
          type: 'identify',
          appId,
          profileId: lab.idOf('z'),
          externalId: 'z',
          attributes: { toBSON: 'no' },
          at: 'no date' as unknown as Date,
        },
      ),
    );
    assert.deepEqual([await lab.sets.countDocuments(), await profiles.countDocuments()], [0, 0]);
  });

  it('tells the errors of a profile nothing while it is only a mark', async () => {
    await lab.identify('anna', { plan: 'team' });
    assert.equal((await lab.flagSets.of(lab.appId, [lab.idOf('anna')])).size, 0);
  });
});
