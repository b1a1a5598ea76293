import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { npmStart, pidOf, processesOf, type Ready, recorded } from '../helper/npm-start.js';
import { receiver, type Receiver } from '../helper/receiver.js';
import { until } from '../helper/until.js';

const PATIENCE_MS = 180_000;
const dataDir = mkdtempSync(join(tmpdir(), 'deaths-'));

interface Delivery {
  readonly state: string;
  readonly attempts: readonly { readonly failure: string | null }[];
}

describe('a worker that dies', () => {
  let system: ReturnType<typeof npmStart>;
  let ready: Ready;
  let deadly: Receiver;
  before(async () => {
    // What answers nothing, but kills who asks: whatever an activity may die of, this is how it looks from outside.
    deadly = await receiver(() => process.kill(pidOf(dataDir, 'worker'), 'SIGKILL'));
    system = npmStart(dataDir, { WEBHOOK_ALLOW_PRIVATE: 'true' });
    ready = await system.ready();
  });
  after(async () => {
    await system.stop('SIGTERM');
    for (const pid of processesOf(dataDir)) process.kill(pid, 'SIGKILL');
    await deadly.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  async function ask<T>(method: string, path: string, body?: object): Promise<T> {
    const answer = await fetch(`${ready.apiUrl}/v1/apps/${ready.demo.appId}/${path}`, {
      method,
      headers: { authorization: `Bearer ${ready.ownerToken}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    assert.ok(answer.ok, `${path}: ${String(answer.status)}`);
    return (await answer.json()) as T;
  }

  async function channel(url: string): Promise<string> {
    const made = await ask<{ readonly channelId: string }>('POST', 'alert-channels', {
      kind: 'webhook',
      name: url,
      url,
    });
    return made.channelId;
  }

  /** An error of a kind that nobody has seen; it is acknowledged, whatever the worker does. */
  async function thrown(message: string): Promise<void> {
    const error = { errorId: new ObjectId().toHexString(), errorType: 'runtime', message, timestampMs: Date.now() };
    const answer = await fetch(`${ready.apiUrl}/v1/errors`, {
      method: 'POST',
      headers: { 'x-api-key': ready.demo.apiKey, 'content-type': 'application/json' },
      body: JSON.stringify({ errors: [error] }),
    });
    assert.equal(answer.status, 202);
  }

  const deliveries = async (channelId: string): Promise<readonly Delivery[]> => {
    const { deliveries: found } = await ask<{ readonly deliveries: readonly { readonly deliveryId: string }[] }>(
      'GET',
      `alert-deliveries?channelId=${channelId}`,
    );
    return Promise.all(found.map(({ deliveryId }) => ask<Delivery>('GET', `alert-deliveries/${deliveryId}`)));
  };

  const worker = async (): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${ready.apiUrl}/readyz`);
    assert.equal(answer.status, 200);
    return ((await answer.json()) as { readonly worker: Record<string, unknown> }).worker;
  };

  it('does not: a webhook to a host that has no address is a failed attempt with its reason', async () => {
    const pid = pidOf(dataDir, 'worker');
    const hook = await receiver();
    const [nowhere, somewhere] = [await channel('https://hooks.invalid/x'), await channel(hook.url)];
    await thrown('the cart is gone');
    await hook.until(1);
    const failure = await until('the attempt is noted', async () => {
      const [delivery] = await deliveries(nowhere);
      return delivery?.attempts[0]?.failure;
    });
    assert.match(failure, /hooks\.invalid/);
    assert.equal((await deliveries(nowhere))[0]?.state, 'pending', 'it is tried again');
    await until('the other one is delivered', async () => (await deliveries(somewhere))[0]?.state === 'delivered');
    assert.equal(pidOf(dataDir, 'worker'), pid);
    assert.equal((await worker())['state'], 'running');
    for (const id of [nowhere, somewhere]) await ask('PATCH', `alert-channels/${id}`, { enabled: false });
    await hook.close();
  });

  it('three times while it runs the same activity is kept from it, and does the rest', async () => {
    const id = await channel(deadly.url);
    for (const n of [1, 2, 3]) {
      const before = pidOf(dataDir, 'worker');
      await thrown(`the ${['first', 'second', 'third'][n - 1] ?? ''} shelf is empty`);
      await until(`death ${String(n)}`, () => deadly.received.length >= n, PATIENCE_MS);
      await until('the next worker', () =>
        recorded(dataDir).some(({ name, pid }) => name === 'worker' && pid !== before),
      );
    }
    assert.match(system.output(), /attemptDelivery( and \d+ more)? ran at ([3-5]) of its last \2 deaths/);
    await system.until('it is said what is refused', () =>
      /attemptDelivery was running whenever/.test(system.output()),
    );

    const calls = deadly.received.length;
    const pid = pidOf(dataDir, 'worker');
    await thrown('the till is stuck');
    const refused = await until(
      'the delivery is refused, with the reason for ops',
      () => /"message":"attemptDelivery was running whenever.*not tried again before/.test(workerLog()),
      PATIENCE_MS,
    );
    assert.ok(refused);
    await until('the error is stored, and its delivery is waiting', async () => (await deliveries(id)).length === 4);
    assert.equal(deadly.received.length, calls);
    assert.equal(pidOf(dataDir, 'worker'), pid);
    const { suspects } = await worker();
    assert.deepEqual(suspects, ['attemptDelivery']);
  });

  it('again and again is started now and then, and ingest goes on', async () => {
    for (let last: number | undefined, deaths = 0; deaths < 5; deaths += 1) {
      const current = (): number | undefined => recorded(dataDir).find(({ name }) => name === 'worker')?.pid;
      const next = await until('the next worker', () => current() !== last && current(), PATIENCE_MS);
      last = next;
      process.kill(next, 'SIGKILL');
    }
    await system.until('the slow pace', () =>
      /worker: died \(killed by SIGKILL.*, starting it again in 30 s/.test(system.output()),
    );
    const said = await worker();
    assert.deepEqual([said['state'], said['reason']], ['failing', 'killed by SIGKILL']);
    await thrown('nobody is there');
    assert.ok(!system.output().includes('stopping'));
  });

  const workerLog = (): string => readFileSync(join(dataDir, 'logs', 'worker.log'), 'utf8');
});
