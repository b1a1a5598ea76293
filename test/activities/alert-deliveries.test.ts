import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ApplicationFailure } from '@temporalio/common';
import { ObjectId } from 'mongodb';
import { Webhook } from 'standardwebhooks';
import type { Mail } from '../../activities/mail.js';
import { deliveryActivities } from '../../activities/alert-deliveries.js';
import { type AlertMessage, mailOf, slackBody } from '../../activities/alert-message.js';
import type { AlertChannelDoc } from '../../db/alert-channels.js';
import { newWebhookSecret } from '../../db/alert-secrets.js';
import { flagAlert, type GroupCause } from '../../db/alerts.js';
import type { FlagDoc } from '../../db/flags.js';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import { alerting, type Alerting } from '../helper/alerting.js';
import { receiver } from '../helper/receiver.js';

describe('a delivery', () => {
  let it_: Alerting;
  before(async () => {
    it_ = await alerting('alert-deliveries');
  });
  after(() => it_.close());

  /** One of a new alert to this channel alone. */
  async function deliveryTo(
    channel: AlertChannelDoc,
    {
      cause = 'new_group',
      facts = {},
      ...fields
    }: Partial<ErrorGroupDoc> & { cause?: GroupCause; facts?: object } = {},
  ) {
    const group = await it_.group(fields);
    const alert = await it_.alert(group, cause, facts);
    const opened = await it_.activities.openAlerts();
    await it_.activities.closeAlerts(opened);
    const doc = await it_.deliveries.findOne({ alertId: alert._id, channelId: channel._id });
    assert.ok(doc !== null);
    return { deliveryId: doc._id.toHexString(), group, alert };
  }
  const attempt = (deliveryId: string) => it_.activities.attemptDelivery({ deliveryId });
  const verified = (secret: string, { headers, body }: { headers: object; body: string }) =>
    new Webhook(secret).verify(body, headers as Record<string, string>) as AlertMessage;

  it('is signed as Standard Webhooks says, and tells what happened to which group', async () => {
    const hook = await receiver();
    const { channel, secret } = await it_.webhook(hook.url);
    const { deliveryId, group, alert } = await deliveryTo(channel, {
      cause: 'regression',
      facts: { release: '2.0.0', comparedBy: 'semver' },
      occurrenceCount: 12,
      affectedProfiles: 3,
      releases: ['1.0.0', '2.0.0'],
    });
    assert.equal(await attempt(deliveryId), 'delivered');

    const [got] = hook.received;
    assert.ok(got !== undefined);
    assert.equal(got.headers['webhook-id'], `msg_${deliveryId}`);
    const message = verified(secret, got);
    assert.deepEqual(message, {
      type: 'error.regression',
      timestamp: alert.at.toISOString(),
      data: {
        app: 'shop',
        cause: 'regression',
        facts: { release: '2.0.0', comparedBy: 'semver' },
        group: {
          id: group._id.toHexString(),
          title: group.title,
          culprit: group.culprit,
          message: group.message,
          severity: 'error',
          status: 'new',
          count: 12,
          profiles: 3,
          firstSeen: group.firstSeen.toISOString(),
          lastSeen: group.lastSeen.toISOString(),
          release: '2.0.0',
          url: `https://experience.example.com/v1/apps/shop/errors/${group._id.toHexString()}`,
        },
      },
    });
    assert.throws(() => verified(newWebhookSecret(), got), 'another secret does not fit');
    assert.throws(() => verified(secret, { ...got, body: got.body.replace('2.0.0', '2.0.1') }));

    const { state, attempts, attemptCount, finishedAt } = await it_.delivery(deliveryId);
    assert.deepEqual([state, attemptCount, attempts[0]?.status, attempts[0]?.answer], ['delivered', 1, 200, 'ok']);
    assert.ok(finishedAt !== null);
    assert.equal(await attempt(deliveryId), 'delivered');
    assert.equal(hook.received.length, 1, 'what was made is not made again');
    await it_.remove(channel);
    await hook.close();
  });

  it('fails for another try, says so in its log, and sends the same then', async () => {
    const hook = await receiver((reply, count) => reply.writeHead(count < 3 ? 503 : 200, { 'retry-after': '7' }).end());
    const { channel, secret } = await it_.webhook(hook.url);
    const { deliveryId, group } = await deliveryTo(channel);
    for (let n = 1; n <= 2; n++) {
      await assert.rejects(attempt(deliveryId), (error: unknown) => {
        assert.ok(error instanceof ApplicationFailure);
        assert.deepEqual([error.message, error.nonRetryable, error.nextRetryDelay], ['answered 503', false, 7_000]);
        return true;
      });
      const { failingSince } = await it_.channel(channel._id);
      assert.ok(failingSince !== null);
      await it_.groups.updateOne({ _id: group._id }, { $inc: { occurrenceCount: 100 } });
    }
    assert.equal((await it_.delivery(deliveryId)).state, 'pending');
    assert.equal(await attempt(deliveryId), 'delivered');
    assert.equal(new Set(hook.received.map(({ body }) => body)).size, 1);
    assert.equal(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size, 1);
    for (const each of hook.received) verified(secret, each);

    const { attempts } = await it_.delivery(deliveryId);
    assert.deepEqual(
      attempts.map(({ status, failure }) => [status, failure]),
      [
        [503, 'answered 503'],
        [503, 'answered 503'],
        [200, null],
      ],
    );
    const { failingSince, lastDeliveredAt } = await it_.channel(channel._id);
    assert.equal(failingSince, null);
    assert.ok(lastDeliveredAt !== null);
    await it_.remove(channel);
    await hook.close();
  });

  it('has two signatures during the overlap of a rotation, and one after it', async () => {
    const hook = await receiver();
    const { channel, secret: old } = await it_.webhook(hook.url);
    const secret = newWebhookSecret();
    const target = { actor: it_.actor, appId: it_.app.id, channelId: channel._id };
    await it_.channelChanges.rotateSecret({ ...target, secret, overlapMs: 60_000 });

    await attempt((await deliveryTo(channel)).deliveryId);
    const [during] = hook.received;
    assert.ok(during !== undefined);
    assert.equal(String(during.headers['webhook-signature']).split(' ').length, 2);
    for (const each of [old, secret]) verified(each, during);

    it_.clock.ahead = 61_000;
    await attempt((await deliveryTo(channel)).deliveryId);
    it_.clock.ahead = 0;
    const [, afterwards] = hook.received;
    assert.ok(afterwards !== undefined);
    verified(secret, afterwards);
    assert.throws(() => verified(old, afterwards));
    await it_.remove(channel);
    await hook.close();
  });

  it('is the last one to a receiver that answers 410: the channel is disabled, and the audit log knows', async () => {
    const hook = await receiver((reply) => reply.writeHead(410).end());
    const { channel } = await it_.webhook(hook.url);
    const [one, other] = [await deliveryTo(channel), await deliveryTo(channel)];
    assert.equal(await attempt(one.deliveryId), 'failed');
    const { enabled, goneAt } = await it_.channel(channel._id);
    assert.equal(enabled, false);
    assert.ok(goneAt !== null);
    assert.equal(await attempt(other.deliveryId), 'failed');
    assert.equal((await it_.delivery(other.deliveryId)).failure, 'the channel is disabled');
    assert.equal(hook.received.length, 1);
    const audit = await it_.db.collection('audit_log').findOne({ action: 'alert-channel.gone' });
    assert.deepEqual(audit?.['target'], { kind: 'alert-channel', id: channel._id });
    assert.equal((audit['actor'] as { kind: string }).kind, 'system');
    await hook.close();
  });

  it('ends where its channel was removed meanwhile', async () => {
    const { channel } = await it_.webhook('http://127.0.0.1:1/');
    const { deliveryId } = await deliveryTo(channel);
    await it_.remove(channel);
    assert.equal(await attempt(deliveryId), 'failed');
    assert.deepEqual((await it_.delivery(deliveryId)).failure, 'the channel was removed');
  });

  it('never leaves for a private address unless the instance allows it', async () => {
    const strict = await alerting('alert-strict', { webhookAllowPrivate: false });
    const hook = await receiver();
    await strict.webhook(hook.url);
    await strict.alert(await strict.group());
    const { deliveries } = await strict.activities.openAlerts();
    const [first] = deliveries;
    assert.ok(first !== undefined);
    assert.equal(await strict.activities.attemptDelivery({ deliveryId: first.id }), 'failed');
    assert.match((await strict.delivery(first.id)).failure ?? '', /not on the public internet/);
    assert.equal(hook.connections(), 0);
    await hook.close();
    await strict.close();
  });

  it('is bounded and shows no markup of its own in Slack', async () => {
    const hook = await receiver();
    const { channel } = await it_.webhook(hook.url, { format: 'slack' });
    const { deliveryId } = await deliveryTo(channel, {
      cause: 'threshold',
      facts: { count: 11, minutes: 15, limit: 10 },
      title: 'Error',
      message: `<!channel> & ${'😀'.repeat(100_000)}`,
    });
    await attempt(deliveryId);
    const { text } = JSON.parse(hook.received[0]?.body ?? '') as { text: string };
    assert.match(text, /^\*Many errors in shop\*: Error: &lt;!channel&gt; &amp; 😀/);
    assert.match(text, /11 in 15 minutes/);
    assert.ok(text.length < 2_000 && text.isWellFormed());
    await it_.remove(channel);
    await hook.close();
  });

  it('tells of a flag as it tells of a group, with its owner and why', async () => {
    const hook = await receiver();
    const { channel, secret } = await it_.webhook(hook.url);
    const owner = new ObjectId();
    const createdAt = new Date();
    await it_.db
      .collection('members')
      .insertOne({ _id: owner, name: 'Ada', email: null, owner: false, roles: [], createdAt, revokedAt: null });
    const flag: FlagDoc = {
      ...{ _id: new ObjectId(), appId: it_.app.id, key: 'new/checkout', description: 'The <new> checkout', owner },
      ...{ type: 'boolean', defaultValue: false, enabled: true, rules: [], createdBy: owner },
      ...{ createdAt, updatedAt: createdAt },
    };
    await it_.db.collection<FlagDoc>('feature_flags').insertOne(flag);
    const at = new Date();
    const facts = { why: 'unread for 30 days', days: 30 };
    const alert = flagAlert({
      ...{ appId: it_.app.id, flagKey: flag.key, cause: 'flag_stale', which: '7', at, facts },
    });
    assert.equal(await it_.deps.alerts.raise([alert]), 1);
    assert.equal(await it_.deps.alerts.raise([alert]), 0, 'the same is one alert');
    const opened = await it_.activities.openAlerts();
    await it_.activities.closeAlerts(opened);
    const [delivery] = opened.deliveries;
    assert.ok(delivery !== undefined);
    assert.equal(await attempt(delivery.id), 'delivered');
    const [got] = hook.received;
    assert.ok(got !== undefined);
    assert.deepEqual(verified(secret, got), {
      type: 'flag.stale',
      timestamp: at.toISOString(),
      data: {
        app: 'shop',
        cause: 'flag_stale',
        facts,
        flag: {
          key: 'new/checkout',
          description: 'The <new> checkout',
          enabled: true,
          killed: false,
          owner: 'Ada',
          url: 'https://experience.example.com/v1/apps/shop/flags/new%2Fcheckout',
        },
      },
    });
    const { flagKey, groupId } = await it_.delivery(delivery.id);
    assert.deepEqual([flagKey, groupId], ['new/checkout', undefined]);

    const message = JSON.parse(got.body) as AlertMessage;
    const { text } = JSON.parse(slackBody(message)) as { text: string };
    assert.match(text, /^\*Flag may be stale in shop\*: new\/checkout\nThe &lt;new&gt; checkout\nunread for 30 days/);
    const mail = mailOf(message);
    assert.equal(mail.subject, '[shop] Flag may be stale: new/checkout');
    assert.match(mail.text, /unread for 30 days\nIt is enabled\nOwner: Ada/);
    await it_.remove(channel);
    await hook.close();
  });

  it('by e-mail has one subject line and the link', async () => {
    const mails: Mail[] = [];
    const sendMail = async (mail: Mail) => {
      mails.push(mail);
      return { status: 250, answer: 'taken', failure: null, isFinal: true };
    };
    const { attemptDelivery } = deliveryActivities({ ...it_.deps, sendMail });
    const channel = await it_.mailbox(['a@example.com']);
    const { deliveryId, group } = await deliveryTo(channel, { message: 'two\nlines' });
    assert.equal(await attemptDelivery({ deliveryId }), 'delivered');
    const [mail] = mails;
    assert.deepEqual(mail?.to, ['a@example.com']);
    assert.match(mail.subject, /^\[shop\] New error: TypeError: two/);
    assert.match(
      mail.text,
      new RegExp(`https://experience.example.com/v1/apps/shop/errors/${group._id.toHexString()}`),
    );

    const { deliveryId: other } = await deliveryTo(channel);
    assert.equal(await attempt(other), 'failed');
    assert.equal((await it_.delivery(other)).failure, 'this instance has no SMTP server');
  });
});
