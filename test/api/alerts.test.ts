import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { alertSecrets } from '../../db/alert-secrets.js';
import type { AlertChannelDoc } from '../../db/alert-channels.js';
import { newDelivery } from '../../db/alert-deliveries.js';
import type { AlertDoc } from '../../db/alerts.js';
import { management, type Management, SECRET_KEY } from '../helper/management.js';
import { pick, pickList, pickText } from '../helper/pick.js';

const HOOK = 'https://hooks.example.com/services/T0/B0/secret-path';

describe('alerts over the API', () => {
  let it_: Management;
  let appId: ObjectId;
  before(async () => {
    it_ = await management('alerts-api');
    appId = (await it_.register('shop')).id;
  });
  after(() => it_.close());

  const ask = (method: string, path: string, body?: object) =>
    it_.ask(it_.owner.token, method, `/v1/apps/shop/${path}`, body);
  const channels = () => it_.db.collection<AlertChannelDoc>('alert_channels');
  const create = async (body: object = { kind: 'webhook', name: 'Hook', url: HOOK }) => {
    const answer = await ask('POST', 'alert-channels', body);
    assert.equal(answer.status, 201, answer.text);
    return { body: answer.body, channelId: pickText(answer.body, 'channelId') };
  };
  const lastAudit = async () => (await it_.audit.page({ appId }, 1))[0];

  describe('channels', () => {
    it('show their signing secret once, keep it encrypted, and tell the log neither it nor the path', async () => {
      const { body, channelId } = await create();
      const secret = pickText(body, 'secret');
      assert.match(secret, /^whsec_/);
      assert.equal(pick(body, 'health'), 'ok');
      assert.equal(pickList(body, 'causes').length, 8);

      const list = await ask('GET', 'alert-channels');
      assert.equal(pick(list.body, 'channels', 0, 'url'), 'https://hooks.example.com/…');
      assert.ok(!list.text.includes(secret) && !list.text.includes('whsec_'));
      const stored = await channels().findOne({ _id: new ObjectId(channelId) });
      assert.ok(stored !== null && !JSON.stringify(stored).includes(secret));
      const [{ sealed } = assert.fail()] = stored.secrets;
      assert.equal(alertSecrets(SECRET_KEY).open(sealed, channelId), secret);

      const entry = await lastAudit();
      assert.equal(entry?.action, 'alert-channel.created');
      assert.equal(entry.after?.['origin'], 'https://hooks.example.com');
      assert.ok(!JSON.stringify(entry).includes('secret-path') && !JSON.stringify(entry).includes(secret));
    });

    it('rotate their secret with an overlap', async () => {
      const { body, channelId } = await create();
      const rotated = await ask('POST', `alert-channels/${channelId}/rotate-secret`, { overlapHours: 2 });
      assert.equal(rotated.status, 200, rotated.text);
      assert.notEqual(pick(rotated.body, 'secret'), pick(body, 'secret'));
      const until = Date.parse(pickText(rotated.body, 'previousSecretUntil'));
      assert.ok(Math.abs(until - Date.now() - 2 * 3_600_000) < 60_000);
      const stored = await channels().findOne({ _id: new ObjectId(channelId) });
      assert.deepEqual(
        stored?.secrets.map(({ sealed }) => alertSecrets(SECRET_KEY).open(sealed, channelId)),
        [pick(rotated.body, 'secret'), pick(body, 'secret')],
      );
      assert.equal((await lastAudit())?.action, 'alert-channel.secret-rotated');

      const atOnce = await ask('POST', `alert-channels/${channelId}/rotate-secret`, { overlapHours: 0 });
      assert.equal(pick(atOnce.body, 'previousSecretUntil'), null);
      assert.equal((await channels().findOne({ _id: new ObjectId(channelId) }))?.secrets.length, 1);
    });

    it('are changed, and removed, each with its entry; nothing changed is no entry', async () => {
      const { channelId } = await create();
      const changed = await ask('PATCH', `alert-channels/${channelId}`, { name: 'Other', causes: ['spike'] });
      assert.deepEqual([pick(changed.body, 'name'), pick(changed.body, 'causes')], ['Other', ['spike']]);
      const entry = await lastAudit();
      assert.deepEqual(
        [entry?.action, entry?.before?.['name'], entry?.after?.['name']],
        ['alert-channel.changed', 'Hook', 'Other'],
      );
      await ask('PATCH', `alert-channels/${channelId}`, { name: 'Other' });
      assert.deepEqual((await lastAudit())?._id, entry?._id);

      assert.equal((await ask('DELETE', `alert-channels/${channelId}`)).status, 204);
      assert.equal((await lastAudit())?.action, 'alert-channel.removed');
      assert.equal((await ask('DELETE', `alert-channels/${channelId}`)).status, 404);
    });

    it('say how they are, and an enabled one that was gone has another chance', async () => {
      const { channelId } = await create();
      const _id = new ObjectId(channelId);
      const health = async () => {
        const { body } = await ask('GET', 'alert-channels');
        return pick(
          pickList(body, 'channels').find((each) => pick(each, 'channelId') === channelId),
          'health',
        );
      };
      const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);
      await channels().updateOne({ _id }, { $set: { failingSince: daysAgo(1) } });
      assert.equal(await health(), 'failing');
      await channels().updateOne({ _id }, { $set: { failingSince: daysAgo(4) } });
      assert.equal(await health(), 'down');
      await channels().updateOne({ _id }, { $set: { enabled: false, goneAt: new Date() } });
      assert.equal(await health(), 'gone');
      const enabled = await ask('PATCH', `alert-channels/${channelId}`, { enabled: true });
      assert.deepEqual([pick(enabled.body, 'enabled'), pick(enabled.body, 'health')], [true, 'down']);
    });

    it('lead only where alerts may go', async () => {
      const no = async (body: object, why: RegExp) => {
        const { status, text } = await ask('POST', 'alert-channels', { kind: 'webhook', name: 'x', ...body });
        assert.equal(status, 400, text);
        assert.match(text, why);
      };
      for (const url of ['http://127.1/', 'http://[::1]/', 'http://0x7f000001/', 'http://169.254.169.254/latest/']) {
        await no({ url }, /not on the public internet/);
      }
      await no({ url: 'ftp://example.com/' }, /http\(s\) URL/);
      await no({ url: 'nonsense' }, /http\(s\) URL/);
      await no({ url: 'https://user:pw@example.com/' }, /user or password/);
      await no({ url: `https://example.com/${'a'.repeat(3000)}` }, /url/);
      await no({}, /needs a url/);
      await no({ url: HOOK, recipients: ['a@example.com'] }, /no recipients/);
      await no({ url: HOOK, causes: ['weather'] }, /causes/);
      await no({ url: HOOK, secret: 'whsec_mine' }, /additional/);
      await no({ kind: 'email', recipients: ['a@example.com'] }, /no SMTP server/);
      await no({ kind: 'email', recipients: ['a@example.com\r\nBcc: b@example.com'] }, /email/);
      const { channelId } = await create();
      const moved = await ask('PATCH', `alert-channels/${channelId}`, { url: 'http://10.0.0.1/' });
      assert.equal(moved.status, 400);
    });

    it('are few', async () => {
      await channels().deleteMany({});
      for (let n = 0; n < 20; n++) await create();
      const more = await ask('POST', 'alert-channels', { kind: 'webhook', name: 'x', url: HOOK });
      assert.equal(more.status, 409, more.text);
    });
  });

  describe('rules', () => {
    it('are a threshold or a spike, changed and removed with an entry each', async () => {
      const threshold = { count: 100, minutes: 60 };
      const created = await ask('POST', 'alert-rules', { name: 'Many', threshold });
      assert.equal(created.status, 201, created.text);
      assert.deepEqual(pick(created.body, 'threshold'), threshold);
      const ruleId = pickText(created.body, 'ruleId');
      assert.equal((await lastAudit())?.action, 'alert-rule.created');

      const changed = await ask('PATCH', `alert-rules/${ruleId}`, {
        threshold: { count: 5, minutes: 5 },
        enabled: false,
      });
      assert.deepEqual(pick(changed.body, 'threshold'), { count: 5, minutes: 5 });
      const entry = await lastAudit();
      assert.deepEqual(entry?.before, { name: 'Many', enabled: true, kind: 'threshold', ...threshold });
      const other = await ask('PATCH', `alert-rules/${ruleId}`, { spike: { factor: 3, minutes: 60 } });
      assert.equal(other.status, 409, other.text);

      const spike = await ask('POST', 'alert-rules', { name: 'Spike', spike: { factor: 2.5, minutes: 15 } });
      assert.deepEqual(pick(spike.body, 'spike'), { factor: 2.5, minutes: 15, floor: 20 });
      assert.equal(pickList((await ask('GET', 'alert-rules')).body, 'rules').length, 2);
      assert.equal((await ask('DELETE', `alert-rules/${ruleId}`)).status, 204);
      assert.equal((await lastAudit())?.action, 'alert-rule.removed');
      assert.equal((await ask('PATCH', `alert-rules/${ruleId}`, { enabled: true })).status, 404);
    });

    it('are bounded', async () => {
      const threshold = { count: 10, minutes: 15 };
      for (const body of [
        {},
        { threshold, spike: { factor: 3, minutes: 15 } },
        { threshold: { count: 0, minutes: 15 } },
        { threshold: { count: 10, minutes: 7 } },
        { threshold: { count: 10, minutes: 1445 } },
        { spike: { factor: 1, minutes: 15 } },
      ]) {
        assert.equal((await ask('POST', 'alert-rules', { name: 'x', ...body })).status, 400, JSON.stringify(body));
      }
      await it_.db.collection('alert_rules').deleteMany({});
      for (let n = 0; n < 20; n++) await ask('POST', 'alert-rules', { name: `r${String(n)}`, threshold });
      assert.equal((await ask('POST', 'alert-rules', { name: 'x', threshold })).status, 409);
    });
  });

  describe('deliveries', () => {
    const open = async (count: number, channelId = new ObjectId(), app = appId): Promise<string[]> => {
      const ids: string[] = [];
      for (let n = 0; n < count; n++) {
        const groupId = new ObjectId();
        const at = new Date();
        const rest = { appId: app, groupId, cause: 'new_group', at, facts: {}, state: 'told' } as const;
        const alert: AlertDoc = { _id: `${groupId.toHexString()}/new_group/0`, ...rest };
        const [doc] = await it_.alertDeliveries.open([newDelivery(alert, { _id: channelId }, 'pending', at)]);
        ids.push(doc?._id.toHexString() ?? '');
      }
      return ids;
    };
    const idsOf = (body: unknown) => pickList(body, 'deliveries').map((each) => pickText(each, 'deliveryId'));

    it('are listed newest first, by channel and state, page by page', async () => {
      const channelId = new ObjectId();
      const ids = (await open(5, channelId)).reverse();
      await it_.alertDeliveries.finish(ids[0] ?? '', 'delivered', new Date(), null);
      const list = `alert-deliveries?channelId=${channelId.toHexString()}`;
      const first = await ask('GET', `${list}&limit=2`);
      assert.deepEqual(idsOf(first.body), ids.slice(0, 2));
      const rest = await ask('GET', `${list}&limit=3&before=${pickText(first.body, 'next')}`);
      assert.deepEqual(idsOf(rest.body), ids.slice(2));
      assert.deepEqual(idsOf((await ask('GET', `${list}&state=delivered`)).body), ids.slice(0, 1));
      assert.deepEqual(idsOf((await ask('GET', `${list}&state=failed`)).body), []);
      assert.equal((await ask('GET', `${list}&state=lost`)).status, 400);
    });

    it('have their attempts and what was sent', async () => {
      const [id = ''] = await open(1);
      await it_.alertDeliveries.keepMessage(new ObjectId(id), '{"type":"error.new_group"}');
      for (let n = 1; n <= 60; n++) {
        const attempt = { at: new Date(), ms: n, status: 500, answer: 'no', failure: 'answered 500' };
        await it_.alertDeliveries.noteAttempt(new ObjectId(id), attempt);
      }
      const { body } = await ask('GET', `alert-deliveries/${id}`);
      assert.equal(pick(body, 'attemptCount'), 60);
      assert.equal(pickList(body, 'attempts').length, 50);
      assert.equal(pick(body, 'lastAttempt', 'ms'), 60);
      assert.deepEqual(pick(body, 'message'), { type: 'error.new_group' });
    });

    it('are nobody else’s', async () => {
      const other = await it_.register('other');
      const [id = ''] = await open(1, new ObjectId(), other.id);
      assert.equal((await ask('GET', `alert-deliveries/${id}`)).status, 404);
      assert.equal((await ask('POST', `alert-deliveries/${id}/replay`)).status, 404);
    });

    it('are not replayed while Temporal is away', async () => {
      const [id = ''] = await open(1);
      await it_.alertDeliveries.finish(id, 'failed', new Date(), 'answered 500');
      const before = await lastAudit();
      const away = await ask('POST', `alert-deliveries/${id}/replay`);
      assert.equal(away.status, 503, away.text);
      assert.deepEqual((await lastAudit())?._id, before?._id, 'what did not happen is not told');
    });
  });

  it('are set up by owners and admins, read by developers too', async () => {
    const { channelId } = await (async () => {
      await channels().deleteMany({});
      return create();
    })();
    const as = async (role: 'admin' | 'developer' | 'viewer', method: string, path: string, body?: object) => {
      const { token } = await it_.person([{ appId, role }]);
      return (await it_.ask(token, method, `/v1/apps/shop/${path}`, body)).status;
    };
    assert.equal(await as('admin', 'PATCH', `alert-channels/${channelId}`, { name: 'A' }), 200);
    assert.equal(await as('developer', 'PATCH', `alert-channels/${channelId}`, { name: 'B' }), 403);
    assert.equal(await as('developer', 'GET', 'alert-channels'), 200);
    assert.equal(await as('viewer', 'GET', 'alert-channels'), 403);
  });
});
