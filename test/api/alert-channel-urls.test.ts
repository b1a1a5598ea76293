import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import type { AlertChannelDoc } from '../../db/alert-channels.js';
import { roleAllows, ROLES } from '../../domain/member.js';
import { management, type Management } from '../helper/management.js';
import { pick, pickText } from '../helper/pick.js';

const HOOK = 'https://hooks.example.com/services/T0/B0/hidden-path?sig=hidden-query#hidden-part';
const SHOWN = 'https://hooks.example.com/…';

/** For Slack, Discord, Teams and their likes the URL is the secret. */
describe('the URL of an alert channel', () => {
  let it_: Management;
  let appId: ObjectId;
  let channelId: string;
  const texts: string[] = [];
  before(async () => {
    it_ = await management('alert-channel-urls');
    appId = (await it_.register('shop')).id;
    const created = await ask('POST', '', { kind: 'webhook', name: 'Hook', url: HOOK });
    assert.equal(created.status, 201, created.text);
    assert.equal(pick(created.body, 'url'), SHOWN);
    channelId = pickText(created.body, 'channelId');
  });
  after(() => it_.close());

  async function ask(method: string, path: string, body?: object) {
    const answer = await it_.ask(it_.owner.token, method, `/v1/apps/shop/alert-channels${path}`, body);
    texts.push(answer.text);
    return answer;
  }
  const stored = async () => {
    const channels = it_.db.collection<AlertChannelDoc>('alert_channels');
    return (await channels.findOne({ _id: new ObjectId(channelId) }))?.url;
  };

  it('stays when a change does not name it', async () => {
    const changed = await ask('PATCH', `/${channelId}`, { name: 'Other' });
    assert.deepEqual([changed.status, pick(changed.body, 'url')], [200, SHOWN]);
    assert.equal(await stored(), HOOK);
  });

  it('is taken anew, but not as it is shown', async () => {
    const moved = await ask('PATCH', `/${channelId}`, { url: `${HOOK}-2` });
    assert.deepEqual([moved.status, pick(moved.body, 'url')], [200, SHOWN]);
    assert.equal(await stored(), `${HOOK}-2`);
    const back = await ask('PATCH', `/${channelId}`, { url: SHOWN });
    assert.equal(back.status, 400);
    assert.match(back.text, /leave it out to keep it/);
    assert.equal((await ask('POST', '', { kind: 'webhook', name: 'x', url: SHOWN })).status, 400);
    assert.equal(await stored(), `${HOOK}-2`);
  });

  it('is shown to no role, in no answer and not in the audit log', async () => {
    await ask('POST', `/${channelId}/rotate-secret`, {});
    for (const role of ROLES) {
      const { token } = await it_.person([{ appId, role }]);
      const list = await it_.ask(token, 'GET', '/v1/apps/shop/alert-channels');
      assert.equal(list.status, roleAllows(role, 'alerts:read') ? 200 : 403, role);
      if (list.status === 200) assert.equal(pick(list.body, 'channels', 0, 'url'), SHOWN, role);
      const log = await it_.ask(token, 'GET', '/v1/apps/shop/audit?limit=100');
      assert.equal(log.status, roleAllows(role, 'audit:read') ? 200 : 403, role);
      if (log.status === 200) assert.match(log.text, /alert-channel\.secret-rotated/);
      texts.push(list.text, log.text);
    }
    assert.equal((await ask('DELETE', `/${channelId}`)).status, 204);
    texts.push((await it_.ask(it_.owner.token, 'GET', '/v1/audit?limit=100')).text);
    assert.deepEqual(
      texts.filter((text) => /hidden-|services/.test(text)),
      [],
    );
  });
});
