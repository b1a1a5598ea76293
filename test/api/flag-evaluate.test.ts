import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { profileIdOf } from '../../db/ids.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickList } from '../helper/pick.js';

const is = (attribute: string, ...values: string[]) => ({ attribute, operator: 'in', values });

describe('a dry run of a flag', () => {
  let it_: Management;
  let shop: Awaited<ReturnType<Management['register']>>;
  before(async () => {
    it_ = await management('flag-evaluate');
    shop = await it_.register('shop');
    const rules = [
      { ruleId: 'vip', conditions: [is('country', 'de'), is('plan', 'pro')], value: 'gold' },
      {
        ruleId: 'half',
        conditions: [is('country', 'de', 'fr')],
        value: 'silver',
        rolloutPercentage: 100,
        experimentId: 'e',
      },
    ];
    await ask('POST', 'flags', { key: 'tier', type: 'string', defaultValue: 'none', rules });
    const at = new Date();
    const profile = (externalId: string, attributes: object) => ({
      ...{ appId: shop.id, profileId: profileIdOf(shop.id, externalId), externalId, attributes },
      ...{ firstSeen: at, lastSeen: at },
    });
    await it_.db
      .collection('profiles')
      .insertMany([profile('ada', { country: 'de', plan: 'free' }), profile('bob', { country: 'fr' })]);
  });
  after(() => it_.close());

  const ask = (method: string, path: string, body?: object) =>
    it_.ask(it_.owner.token, method, `/v1/apps/shop/${path}`, body);
  const evaluate = async (body: object, key = 'tier') => (await ask('POST', `flags/${key}/evaluate`, body)).body;
  const status = async (body: object, key = 'tier') => (await ask('POST', `flags/${key}/evaluate`, body)).status;

  it('says what somebody would be given, and why: each rule, each condition', async () => {
    const answer = await evaluate({ profileId: 'ada' });
    assert.deepEqual(
      ['value', 'reason', 'ruleId', 'isStored', 'targetingKey'].map((name) => pick(answer, name)),
      ['silver', 'TARGETING_MATCH', 'half', true, 'ada'],
    );
    assert.deepEqual(pickList(answer, 'rules'), [
      {
        ruleId: 'vip',
        broken: null,
        conditions: [
          { attribute: 'country', operator: 'in', holds: true },
          { attribute: 'plan', operator: 'in', holds: false },
        ],
        matched: false,
        rolloutPercentage: 100,
        bucket: null,
        inPercentage: true,
        decided: false,
      },
      {
        ruleId: 'half',
        broken: null,
        conditions: [{ attribute: 'country', operator: 'in', holds: true }],
        matched: true,
        rolloutPercentage: 100,
        bucket: null,
        inPercentage: true,
        decided: true,
      },
    ]);
  });

  it('lays given attributes over the stored ones, follows aliases, and takes people nobody has stored', async () => {
    assert.equal(pick(await evaluate({ profileId: 'ada', attributes: { plan: 'pro' } }), 'value'), 'gold');
    await it_.db.collection('user_flag_sets').insertOne({
      ...{ appId: shop.id, profileId: profileIdOf(shop.id, 'device-1'), aliasOf: profileIdOf(shop.id, 'ada') },
      ...{ flags: {}, computedAt: new Date(), v: 0 },
    });
    assert.equal(pick(await evaluate({ profileId: 'device-1' }), 'targetingKey'), 'ada');
    const nobody = await evaluate({ profileId: 'carla', attributes: { country: 'fr' } });
    assert.deepEqual([pick(nobody, 'value'), pick(nobody, 'isStored')], ['silver', false]);
    assert.equal(pick(await evaluate({}), 'reason'), 'DEFAULT');
    const split = { rules: [{ ruleId: 's', value: 'x', rolloutPercentage: 50 }] };
    assert.equal(pick(await evaluate({ definition: split }), 'errorCode'), 'TARGETING_KEY_MISSING');
    const bucketed = await evaluate({ targetingKey: 'ada', definition: split });
    assert.ok(Number(pick(bucketed, 'rules', 0, 'bucket')) >= 1);
    assert.equal(await status({ profileId: 'ada', targetingKey: 'ada' }), 400);
  });

  it('tries a definition that nobody has saved, of a flag that is there or is not, and saves nothing', async () => {
    const rules = [{ ruleId: 'all', value: 'everybody' }];
    assert.equal(pick(await evaluate({ profileId: 'bob', definition: { rules } }), 'value'), 'everybody');
    assert.equal(pick(await evaluate({ profileId: 'bob' }), 'value'), 'silver');
    const fresh = { type: 'boolean', defaultValue: false, prerequisites: [{ flagKey: 'tier', values: ['silver'] }] };
    const answer = await evaluate({ profileId: 'bob', definition: { ...fresh, rules: [{ value: true }] } }, 'fresh');
    assert.equal(pick(answer, 'value'), true);
    assert.deepEqual(pickList(answer, 'prerequisites'), [{ flagKey: 'tier', met: true, value: 'silver' }]);
    assert.equal((await ask('GET', 'flags/fresh')).status, 404);
    assert.equal(pick((await ask('GET', 'flags/tier')).body, 'version'), 1);
    assert.equal(pick(answer, 'version'), 1, 'the version it was tried on');

    assert.equal(await status({ definition: { defaultValue: 1 } }), 400, 'of a wrong type');
    assert.equal(await status({ definition: { type: 'number', defaultValue: 1 } }), 400, 'the type stays');
    assert.equal(await status({ definition: { rules } }, 'fresh'), 400, 'a new one needs its type');
    assert.equal(await status({}, 'fresh'), 404);
  });

  it('is for every role, and counts as no evaluation', async () => {
    const viewer = await it_.person([{ appId: shop.id, role: 'viewer' }]);
    const answer = await it_.ask(viewer.token, 'POST', '/v1/apps/shop/flags/tier/evaluate', { profileId: 'ada' });
    assert.equal(answer.status, 200);
    assert.equal(answer.text.includes('free'), false, 'stored attributes are not shown');
    assert.equal(pick((await ask('GET', 'flags/tier/usage')).body, 'lastEvaluatedAt'), null);
  });
});
