import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { flagRolloutActivities } from '../../activities/flag-rollouts.js';
import { flagRolloutId } from '../../workflows/flag-rollout.js';
import { groupWorkers } from '../helper/group-worker.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickText } from '../helper/pick.js';
import { rolloutWorld } from '../helper/rollout-life.js';
import { until } from '../helper/until.js';

const STEPS = [
  { percent: 5, holdMinutes: 30 },
  { percent: 25, holdMinutes: 60 },
];

describe('/v1/apps/:appId/flag-rollouts', () => {
  let it_: Management;
  let temporal: Awaited<ReturnType<typeof groupWorkers>>;
  let life: Awaited<ReturnType<typeof rolloutWorld>>;
  let isAway = false;
  let appId: ObjectId;
  let key: string;
  before(async () => {
    temporal = await groupWorkers();
    it_ = await management('flag-rollouts', { temporal: () => (isAway ? undefined : temporal.client) });
    ({ id: appId, key } = await it_.register('shop'));
    life = await rolloutWorld({ ...it_, appId });
    await temporal.worker(flagRolloutActivities(life));
  });
  after(async () => {
    await temporal.close();
    await it_.close();
  });

  async function ask(
    path: string,
    body?: object,
    { token = it_.owner.token, method = 'POST', id = '', app = 'shop' } = {},
  ) {
    const answer = await it_.app.inject({
      method: method as 'POST',
      url: `/v1/apps/${app}/flag-rollouts${path}`,
      headers: { authorization: `Bearer ${token}`, ...(id !== '' && { 'idempotency-key': id }) },
      ...(body !== undefined && { payload: body }),
    });
    return { status: answer.statusCode, body: answer.json<unknown>(), text: answer.body };
  }
  const get = (path: string, token = it_.owner.token) => ask(path, undefined, { method: 'GET', token });
  const plan = (flagKey: string, more: object = {}) => ({ flagKey, ruleId: 'all', steps: STEPS, ...more });
  async function created(more: object = {}) {
    const flagKey = await life.newFlag();
    const answer = await ask('', plan(flagKey, more));
    assert.equal(answer.status, 201, answer.text);
    return { flagKey, id: pickText(answer.body, 'rollout', 'rolloutId'), body: answer.body };
  }
  const untilIts = (id: string, field: string, value: unknown): Promise<unknown> =>
    until(`${field} ${String(value)}`, async () => {
      const { body } = await get(`/${id}`);
      return pick(body, field) === value ? body : undefined;
    });

  it('starts a rollout, which takes its first step at once, guarded by errors unless told otherwise', async () => {
    const { id, flagKey, body } = await created();
    assert.deepEqual(pick(body, 'rollout', 'guard'), { metrics: [{ kind: 'errors' }], alpha: 0.05, minProfiles: 100 });
    const running = await untilIts(id, 'state', 'running');
    assert.deepEqual([pick(running, 'percentage'), pick(running, 'step')], [5, 0]);
    assert.equal(await life.percentageOf(flagKey), 5);
    const history = pick(running, 'history') as { what: string; actor: string | null }[];
    assert.deepEqual(
      history.map(({ what, actor }) => [what, actor]),
      [
        ['created', it_.owner.id],
        ['step', null],
      ],
    );
    const { status } = await temporal.client.workflow.getHandle(flagRolloutId(id)).describe();
    assert.equal(status.name, 'RUNNING');
  });

  it('carries out each verb and answers with the rollout as it is then', async () => {
    const { id, flagKey } = await created({ startAt: new Date(Date.now() + 3_600_000).toISOString() });
    const state = async (verb: string, body?: object) => {
      const answer = await ask(`/${id}/${verb}`, body);
      assert.equal(answer.status, 200, answer.text);
      return [
        pick(answer.body, 'rollout', 'state'),
        pick(answer.body, 'rollout', 'percentage'),
        pick(answer.body, 'changed'),
      ];
    };
    assert.deepEqual(await state('skip'), ['running', 5, true]);
    assert.deepEqual(await state('pause', {}), ['paused', 5, true]);
    assert.deepEqual(await state('pause'), ['paused', 5, false]);
    assert.deepEqual(await state('resume'), ['running', 5, true]);
    assert.deepEqual(await state('skip'), ['running', 25, true]);
    assert.deepEqual(await state('abort'), ['aborted', 0, true]);
    assert.equal(await life.percentageOf(flagKey), 0);
    const over = await ask(`/${id}/skip`);
    assert.deepEqual([over.status, pick(over.body, 'code')], [409, 'TRANSITION_REFUSED']);
    const again = await created({ startAt: new Date(Date.now() + 3_600_000).toISOString() });
    await ask(`/${again.id}/skip`);
    const left = await ask(`/${again.id}/abort`, { rule: 'leave' });
    assert.equal(pick(left.body, 'rollout', 'percentage'), 5);
    assert.equal(await life.percentageOf(again.flagKey), 5);
  });

  it('makes one rollout of a request that comes twice', async () => {
    const body = plan(await life.newFlag());
    const id = randomUUID();
    const [first, second] = [await ask('', body, { id }), await ask('', body, { id })];
    assert.deepEqual([first.status, second.status], [201, 201]);
    assert.equal(pick(first.body, 'rollout', 'rolloutId'), pick(second.body, 'rollout', 'rolloutId'));
    const other = await ask('', { ...body, note: 'other' }, { id });
    assert.equal(other.status, 422, other.text);
  });

  it('refuses a second one of the same rule', async () => {
    const { flagKey } = await created({ startAt: new Date(Date.now() + 3_600_000).toISOString() });
    const second = await ask('', plan(flagKey));
    assert.deepEqual([second.status, pick(second.body, 'code')], [409, 'CONFLICT']);
  });

  const malformed: readonly [string, object][] = [
    ['no steps', { steps: [] }],
    ['falling steps', { steps: [...STEPS].reverse() }],
    ['a hundred steps', { steps: Array.from({ length: 100 }, (_, index) => ({ percent: index + 1, holdMinutes: 1 })) }],
    ['half a percent', { steps: [{ percent: 0.5, holdMinutes: 1 }] }],
    ['a guard without metrics', { guard: { metrics: [] } }],
    ['an unknown metric', { guard: { metrics: [{ kind: 'revenue' }] } }],
    ['a metric twice', { guard: { metrics: [{ kind: 'errors' }, { kind: 'errors' }] } }],
    ['an alpha above its bounds', { guard: { alpha: 0.9 } }],
    ['a guard of 100 % alone', { steps: [{ percent: 100, holdMinutes: 1 }] }],
    ['a time that is none', { startAt: '2026-02-30T99:00:00Z' }],
    ['more than is known', { colour: 'red' }],
  ];
  for (const [what, more] of malformed) {
    it(`refuses ${what}`, async () => {
      const answer = await ask('', plan('flag', more));
      assert.equal(answer.status, 400, answer.text);
    });
  }

  it('says 404 for what is not there, in this app', async () => {
    const { id } = await created();
    await it_.register('other');
    assert.equal((await ask(`/${id}/pause`, undefined, { app: 'other' })).status, 404);
    assert.equal((await get(`/${new ObjectId().toHexString()}`)).status, 404);
    assert.equal((await ask('', plan('none'))).status, 404);
  });

  it('is for members who may: developers act, viewers read, app keys do neither', async () => {
    const { id } = await created();
    const viewer = await it_.person([{ appId, role: 'viewer' }]);
    const developer = await it_.person([{ appId, role: 'developer' }]);
    assert.equal((await get(`/${id}`, viewer.token)).status, 200);
    assert.equal((await ask(`/${id}/pause`, undefined, { token: viewer.token })).status, 403);
    assert.equal((await ask(`/${id}/pause`, undefined, { token: developer.token })).status, 200);
    for (const path of ['', `/${id}/abort`]) assert.equal((await ask(path, plan('x'), { token: key })).status, 401);
    assert.equal((await get('', key)).status, 401);
  });

  it('lists the newest first, page by page, of a flag or of those under way', async () => {
    const { flagKey, id } = await created();
    await ask(`/${id}/abort`);
    const again = await ask('', plan(flagKey));
    assert.equal(again.status, 201);
    const list = async (query: string) => {
      const { status, body, text } = await get(`?${query}`);
      assert.equal(status, 200, text);
      const ids = (pick(body, 'rollouts') as { rolloutId: string }[]).map(({ rolloutId }) => rolloutId);
      return { ids, next: pick(body, 'next') };
    };
    const newest = pickText(again.body, 'rollout', 'rolloutId');
    assert.deepEqual((await list(`flagKey=${flagKey}`)).ids, [newest, id]);
    assert.deepEqual((await list(`flagKey=${flagKey}&active=true`)).ids, [newest]);
    const first = await list(`flagKey=${flagKey}&limit=1`);
    assert.deepEqual(first.ids, [newest]);
    assert.deepEqual((await list(`flagKey=${flagKey}&limit=1&after=${String(first.next)}`)).ids, [id]);
    assert.equal((await get('?after=nonsense')).status, 400);
  });

  it('lists one whose guard is malformed with the others', async () => {
    const { id } = await created();
    await life.rollouts.updateOne(
      { _id: new ObjectId(id) },
      { $set: { 'plan.guard.metrics': 'errors' } },
      { bypassDocumentValidation: true },
    );
    assert.equal((await get('')).status, 200);
    assert.equal(pick((await get(`/${id}`)).body, 'guard'), null);
  });

  it('says that nobody can act while Temporal is away, and makes nothing', async () => {
    const body = plan(await life.newFlag());
    isAway = true;
    const answer = await ask('', body);
    isAway = false;
    assert.equal(answer.status, 503);
    assert.equal(await life.rollouts.countDocuments({ flagKey: body.flagKey }), 0);
  });
});
