import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { flagPreviewActivities } from '../../activities/flag-previews.js';
import { profileIdOf } from '../../db/ids.js';
import { flagLife, type FlagLife } from '../helper/flag-life.js';
import { pick, pickList, pickText } from '../helper/pick.js';
import { until } from '../helper/until.js';

const PEOPLE = 2_500;
const country = (values: readonly string[]) => [{ attribute: 'country', operator: 'in', values }];

describe('a preview of a change of flags', () => {
  let it_: FlagLife;
  let ask: ReturnType<FlagLife['as']>;
  before(async () => {
    it_ = await flagLife('flag-previews');
    ask = it_.as(it_.owner.token);
    await it_.people(
      it_.shop.id,
      Object.fromEntries(
        Array.from({ length: PEOPLE }, (_, n) => [`user-${String(n)}`, { country: ['de', 'fr', 'it'][n % 3] }]),
      ),
    );
    const rules = [{ ruleId: 'r', value: true, conditions: country(['de']) }];
    await ask('POST', 'flags', { key: 'checkout', type: 'boolean', defaultValue: false, rules });
    await it_.worker();
  });
  after(() => it_.close());

  const wider = {
    change: { flagKey: 'checkout', rules: [{ ruleId: 'r', value: true, conditions: country(['de', 'fr']) }] },
  };
  const ended = (id: string) =>
    until('the preview has ended', async () => {
      const { body } = await ask('GET', `flag-previews/${id}`);
      return pick(body, 'endedAt') !== null && body;
    });
  const count = async (filter: object) => it_.db.collection('profiles').countDocuments(filter);

  it('says who gains, with samples, within the answer where that is quick; and changes nothing', async () => {
    const asked = await ask('POST', 'flag-previews', wider);
    const isQuick = pick(asked.body, 'state') === 'done';
    assert.equal(asked.status, isQuick ? 200 : 202, asked.text);
    // On a busy machine it is not.
    const body = isQuick ? asked.body : await ended(pickText(asked.body, 'previewId'));
    assert.equal(pick(body, 'state'), 'done');
    assert.equal(pick(body, 'profiles'), PEOPLE);
    assert.equal(pick(body, 'total'), PEOPLE);
    const french = await count({ 'attributes.country': 'fr' });
    assert.equal(pick(body, 'affected'), french);
    const [flag] = pickList(body, 'flags');
    assert.deepEqual(pick(flag, 'counts'), { gains: french, loses: 0, changesVariant: 0, changesValue: 0 });
    const [transition] = pickList(flag, 'transitions');
    assert.deepEqual(
      ['effect', 'from', 'to', 'count'].map((name) => pick(transition, name)),
      ['gains', 'false', 'true', french],
    );
    const samples = pickList(transition, 'samples').map(String);
    assert.equal(samples.length, 20);
    assert.equal(await count({ externalId: { $in: samples }, 'attributes.country': 'fr' }), 20);

    const now = await ask('GET', 'flags/checkout');
    assert.equal(pick(now.body, 'version'), 1);
    const again = await ask('GET', `flag-previews/${pickText(body, 'previewId')}`);
    assert.deepEqual(again.body, body);
    assert.equal(pickList((await ask('GET', 'flag-previews')).body, 'previews').length, 1);
  });

  it('counts a person once, whatever their ids', async () => {
    const [from, to] = ['user-1', 'user-4'].map((id) => profileIdOf(it_.shop.id, id));
    await it_.db.collection('profile_aliases').insertOne({ appId: it_.shop.id, from, to, at: new Date() });
    const { body } = await ask('POST', 'flag-previews', wider);
    assert.equal(pick(body, 'affected'), (await count({ 'attributes.country': 'fr' })) - 1);
    await it_.db.collection('profile_aliases').deleteMany({});
  });

  it('is of segments, archives and imports too, and refuses what could not be saved', async () => {
    await ask('POST', 'flag-segments', { key: 'home', clauses: [{ conditions: country(['it']) }] });
    const named = [{ value: true, conditions: [{ attribute: '', operator: 'in_segment', values: ['home'] }] }];
    await ask('POST', 'flags', { key: 'named', type: 'boolean', defaultValue: false, rules: named });
    const italians = await count({ 'attributes.country': 'it' });
    const germans = await count({ 'attributes.country': 'de' });

    const segment = await ask('POST', 'flag-previews', {
      changeSegment: { segmentKey: 'home', clauses: [{ conditions: country(['it', 'de']) }] },
    });
    assert.equal(pick(segment.body, 'flags', 0, 'flagKey'), 'named');
    assert.equal(pick(segment.body, 'flags', 0, 'counts', 'gains'), germans);

    const archive = await ask('POST', 'flag-previews', { archive: { flagKey: 'named' } });
    assert.equal(pick(archive.body, 'flags', 0, 'counts', 'loses'), italians);

    const many = await ask('POST', 'flag-previews', {
      import: { flags: [{ key: 'fresh', type: 'boolean', defaultValue: true }], segments: [] },
    });
    assert.equal(pick(many.body, 'affected'), PEOPLE);

    for (const [body, status] of [
      [{}, 400],
      [{ archive: { flagKey: 'named' }, revive: { flagKey: 'named' } }, 400],
      [{ archive: { flagKey: 'nobody' } }, 404],
      [{ change: { flagKey: 'checkout', defaultValue: 'no boolean' } }, 400],
      [{ create: { key: 'checkout', type: 'boolean', defaultValue: true } }, 409],
    ] as const) {
      assert.equal((await ask('POST', 'flag-previews', body)).status, status, JSON.stringify(body));
    }
  });

  it('is nobody’s else: not in another app, and not for a viewer to start', async () => {
    const { body } = await ask('POST', 'flag-previews', wider);
    const id = pickText(body, 'previewId');
    const other = await it_.register('other');
    const stranger = await it_.person([{ appId: other.id, role: 'owner' }]);
    assert.equal((await it_.ask(stranger.token, 'GET', `/v1/apps/shop/flag-previews/${id}`)).status, 404);
    assert.equal((await it_.ask(stranger.token, 'GET', `/v1/apps/other/flag-previews/${id}`)).status, 404);
    const viewer = it_.as((await it_.person([{ appId: it_.shop.id, role: 'viewer' }])).token);
    assert.equal((await viewer('GET', `flag-previews/${id}`)).status, 200);
    assert.equal((await viewer('POST', 'flag-previews', wider)).status, 403);
  });

  it('is refused while Temporal is away, and leaves nothing behind', async () => {
    const before = await it_.db.collection('flag_previews').countDocuments();
    it_.away.is = true;
    assert.equal((await ask('POST', 'flag-previews', wider)).status, 503);
    it_.away.is = false;
    assert.equal(await it_.db.collection('flag_previews').countDocuments(), before);
  });
});

describe('a preview that takes its time', () => {
  let it_: FlagLife;
  let ask: ReturnType<FlagLife['as']>;
  const gate = { open: true, walks: 0 };
  before(async () => {
    it_ = await flagLife('flag-previews-slow');
    ask = it_.as(it_.owner.token);
    const people = Array.from({ length: 2_200 }, (_, n) => [`user-${String(n)}`, { n }] as const);
    await it_.people(it_.shop.id, Object.fromEntries(people));
    await ask('POST', 'flags', { key: 'slow', type: 'boolean', defaultValue: false });
    // Each thousand profiles waits until the gate is open.
    const flagProfiles: typeof it_.deps.flagProfiles = {
      ...it_.deps.flagProfiles,
      async walk(range, limit) {
        gate.walks++;
        const walked = await it_.deps.flagProfiles.walk(range, limit);
        while (!gate.open) await sleep(20);
        return walked;
      },
    };
    await it_.worker({ ...it_.activities, ...flagPreviewActivities({ ...it_.deps, flagProfiles }) });
  });
  after(() => {
    gate.open = true;
    return it_.close();
  });

  const change = { change: { flagKey: 'slow', defaultValue: true } };
  const preview = async (id: string) => (await ask('GET', `flag-previews/${id}`)).body;
  const untilIts = (id: string, state: string): Promise<unknown> =>
    until(`preview ${state}`, async () => {
      const body = await preview(id);
      return pick(body, 'state') === state ? body : undefined;
    });

  it('answers 202 and goes on; one of an app runs, the others wait, and too many are refused', async () => {
    gate.open = false;
    const first = await ask('POST', 'flag-previews', change);
    assert.equal(first.status, 202);
    assert.equal(pick(first.body, 'state'), 'running');
    const others = await Promise.all(Array.from({ length: 5 }, () => ask('POST', 'flag-previews', change)));
    assert.deepEqual(
      others.map(({ status, body }) => [status, pick(body, 'state')]),
      others.map(() => [202, 'queued']),
    );
    const refused = await ask('POST', 'flag-previews', change);
    assert.equal(refused.status, 429);
    assert.equal(await it_.db.collection('flag_previews').countDocuments({ state: 'running' }), 1);

    const [cancelled, ...rest] = others.map(({ body }) => pickText(body, 'previewId'));
    assert.ok(cancelled !== undefined);
    assert.equal((await ask('POST', `flag-previews/${cancelled}/cancel`)).status, 202);
    await untilIts(cancelled, 'cancelled');
    gate.open = true;
    for (const id of [pickText(first.body, 'previewId'), ...rest]) {
      const done = await untilIts(id, 'done');
      assert.equal(pick(done, 'profiles'), 2_200);
      assert.equal(pick(done, 'affected'), 2_200);
    }
  });

  it('is stopped while it runs', async () => {
    gate.open = false;
    const { body } = await ask('POST', 'flag-previews', change);
    const id = pickText(body, 'previewId');
    await ask('POST', `flag-previews/${id}/cancel`);
    const ended = await untilIts(id, 'cancelled');
    gate.open = true;
    assert.equal(pick(ended, 'profiles'), 0);
    assert.equal((await ask('POST', `flag-previews/${id}/cancel`)).status, 202, 'again does no harm');
  });
});
