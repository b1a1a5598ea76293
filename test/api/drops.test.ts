import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { drops } from '../../db/drops.js';
import { DAY_MS } from '../../domain/limits.js';
import { management, type Management } from '../helper/management.js';
import { pickList } from '../helper/pick.js';

const NOW = Date.now();
const dayOf = (days: number): string => at(days).toISOString().slice(0, 10);
const at = (days: number): Date => new Date(NOW - days * DAY_MS);

describe('what was dropped', () => {
  let it_: Management;
  let app: Awaited<ReturnType<Management['register']>>;
  before(async () => {
    it_ = await management('drops');
    app = await it_.register('shop');
    const drop = { type: 'drop', appId: app.id, by: 'filter', reason: 'browser_extension', category: 'error' } as const;
    const writes = [
      { ...drop, count: 3, at: at(0) },
      { ...drop, count: 4, at: at(0) },
      { ...drop, by: 'client', reason: 'before_send', count: 5, at: at(2) },
      { ...drop, count: 9, at: at(40) },
      { ...drop, appId: new ObjectId(), count: 100, at: at(0) },
    ] as const;
    await it_.client.withSession((session) => session.withTransaction(() => drops(it_.db).write(writes, session)));
  });
  after(() => it_.close());
  const get = (query = '', token = it_.owner.token) => it_.ask(token, 'GET', `/v1/apps/shop/drops${query}`);

  it('is counted by day, reason and category', async () => {
    assert.deepEqual((await get()).body, {
      drops: [
        { day: dayOf(2), by: 'client', reason: 'before_send', category: 'error', count: 5 },
        { day: dayOf(0), by: 'filter', reason: 'browser_extension', category: 'error', count: 7 },
      ],
    });
    assert.equal(pickList((await get('?days=42')).body, 'drops').length, 3);
    for (const wrong of ['?days=0', '?days=91', '?days=x', '?colour=red']) assert.equal((await get(wrong)).status, 400);
  });

  it("is for the app's members, in any role", async () => {
    const { token: viewer } = await it_.person([{ appId: app.id, role: 'viewer' }]);
    assert.equal((await get('', viewer)).status, 200);
    const { token: stranger } = await it_.person([]);
    assert.equal((await get('', stranger)).status, 404);
    assert.equal((await get('', app.key)).status, 401);
  });
});
