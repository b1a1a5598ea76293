import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ObjectId } from 'mongodb';
import { SMTPServer } from 'smtp-server';
import { Webhook } from 'standardwebhooks';
import type { AlertDoc } from '../../db/alerts.js';
import { ERROR_WATCH_ID } from '../../workflows/error-watch.js';
import { ownerOf } from '../helper/owner.js';
import { pick, pickList, pickText } from '../helper/pick.js';
import { receiver, type Receiver } from '../helper/receiver.js';
import { runningSystem, type System, type TestApp } from '../helper/system.js';
import { until } from '../helper/until.js';

describe('an error that nobody has seen before', () => {
  let system: System;
  let app: TestApp;
  let ask: Awaited<ReturnType<typeof ownerOf>>;
  let hook: Receiver;
  let refusing = true;
  const letters: string[] = [];
  const mailServer = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        letters.push(Buffer.concat(chunks).toString());
        done();
      });
    },
  });
  before(async () => {
    hook = await receiver((reply) => reply.writeHead(refusing ? 503 : 200, { 'retry-after': '2' }).end());
    await new Promise<void>((resolve) => mailServer.listen(0, '127.0.0.1', resolve));
    const { port } = mailServer.server.address() as AddressInfo;
    system = await runningSystem('alerts', {
      env: {
        WEBHOOK_ALLOW_PRIVATE: 'true',
        SMTP_URL: `smtp://127.0.0.1:${String(port)}`,
        SMTP_FROM: 'alerts@example.com',
        PUBLIC_URL: 'https://experience.example.com/',
      },
    });
    await Promise.all([system.api.start(), system.worker.start()]);
    app = await system.app('shop');
    ask = await ownerOf(system, 'shop');
  });
  after(async () => {
    await system.stop();
    await hook.close();
    await new Promise<void>((resolve) => mailServer.close(resolve));
  });

  async function thrown(message: string): Promise<void> {
    const error = { errorId: new ObjectId().toHexString(), errorType: 'runtime', message, timestampMs: Date.now() };
    const answer = await fetch(`${system.url}/v1/errors`, {
      method: 'POST',
      headers: { 'x-api-key': app.key, 'content-type': 'application/json' },
      body: JSON.stringify({ errors: [error] }),
    });
    assert.equal(answer.status, 202, await answer.text());
  }

  async function finished(count: number): Promise<readonly unknown[]> {
    let deliveries: readonly unknown[] = [];
    return until(
      () => `${String(count)} delivered: ${JSON.stringify(deliveries)}`,
      async () => {
        deliveries = pickList(await ask('GET', 'alert-deliveries'), 'deliveries');
        return deliveries.filter((each) => pick(each, 'state') === 'delivered').length >= count && deliveries;
      },
    );
  }

  it('is told by webhook and by e-mail, again until it is taken, and can be replayed', async () => {
    const channel = await ask('POST', 'alert-channels', { kind: 'webhook', name: 'Hook', url: hook.url });
    await ask('POST', 'alert-channels', { kind: 'email', name: 'Mail', recipients: ['ada@example.com'] });
    await thrown('the cart is gone');

    await hook.until(1);
    const toHook = (deliveries: readonly unknown[]): unknown =>
      deliveries.find((each) => pick(each, 'channelId') === pick(channel, 'channelId'));
    const pending = toHook(pickList(await ask('GET', 'alert-deliveries?state=pending'), 'deliveries'));
    const deliveryId = pickText(pending, 'deliveryId');
    await assert.rejects(ask('POST', `alert-deliveries/${deliveryId}/replay`), /409/, 'it is at it');
    refusing = false;
    const delivered = await finished(2);
    const attempts = hook.received.length;
    assert.equal(pick(toHook(delivered), 'attemptCount'), attempts);
    const [first, second] = hook.received;
    assert.ok(first !== undefined && second !== undefined);
    assert.equal(first.headers['webhook-id'], second.headers['webhook-id']);
    const secret = pickText(channel, 'secret');
    const message: unknown = new Webhook(secret).verify(second.body, second.headers as Record<string, string>);
    assert.equal(pick(message, 'type'), 'error.new_group');
    assert.equal(pick(message, 'data', 'group', 'message'), 'the cart is gone');
    const groupId = pickText(message, 'data', 'group', 'id');
    assert.equal(
      pick(message, 'data', 'group', 'url'),
      `https://experience.example.com/v1/apps/shop/errors/${groupId}`,
    );

    assert.equal(letters.length, 1);
    assert.match(letters[0] ?? '', /^Subject: \[shop\] New error: .*the cart is gone/m);

    // What it has noted it has not always ended.
    await system.temporal.workflow.getHandle(`alert-delivery/${deliveryId}`).result();
    await ask('POST', `alert-deliveries/${deliveryId}/replay`);
    await hook.until(attempts + 1);
    assert.equal(hook.received[attempts]?.headers['webhook-id'], first.headers['webhook-id']);
    assert.equal(hook.received[attempts]?.body, first.body);
    await finished(2);
  });

  it('is told though its wake was lost: the schedule looks for what waits', async () => {
    const before = hook.received.length;
    const group = await system.db.collection('error_groups').findOne({ appId: app.id });
    assert.ok(group !== null);
    await system.db.collection<AlertDoc>('alerts').insertOne({
      _id: `${group._id.toHexString()}/regression/1`,
      ...{ appId: app.id, groupId: group._id, cause: 'regression', at: new Date(), facts: {}, state: 'new' },
    });
    await system.temporal.schedule.getHandle(ERROR_WATCH_ID).trigger();
    await hook.until(before + 1);
    assert.match(hook.received[before]?.body ?? '', /"error\.regression"/);
  });

  it('is told once, however often it happens', async () => {
    const before = hook.received.length;
    await thrown('the cart is gone');
    await system.temporal.schedule.getHandle(ERROR_WATCH_ID).trigger();
    await thrown('another error');
    await hook.until(before + 1);
    await sleep(1_000);
    assert.equal(hook.received.length, before + 1);
    assert.match(hook.received[before]?.body ?? '', /another error/);
  });
});
