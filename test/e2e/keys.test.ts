import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { build } from '../../api/app.js';
import { management, type Management, SECRET_KEY } from '../helper/management.js';
import { pick, pickText } from '../helper/pick.js';
import { SLACK_MS, until } from '../helper/until.js';

const PROCESSES = 3;

describe('the life of a key, over several API processes that are in use', () => {
  let it_: Management;
  const apis: FastifyInstance[] = [];
  before(async () => {
    it_ = await management('keys_e2e');
    await it_.register('shop');
    for (let count = 0; count < PROCESSES; count += 1) {
      apis.push(
        await build({
          client: it_.client,
          db: it_.db,
          temporal: () => undefined,
          log: pino({ level: 'silent' }),
          secretKey: SECRET_KEY,
          spoolMaxBytes: 1_000_000,
          requestsPerSecondPerKey: 1_000,
        }),
      );
    }
  });
  after(async () => {
    await Promise.all(apis.map((api) => api.close()));
    await it_.close();
  });

  const send = async (api: FastifyInstance, key: string, origin?: string) => {
    const headers = {
      'x-api-key': key,
      'content-type': 'application/json',
      ...(origin === undefined ? {} : { origin }),
    };
    return (await api.inject({ method: 'POST', url: '/v1/events', headers, payload: '{}' })).statusCode;
  };
  const everywhere = (key: string, origin?: string) => Promise.all(apis.map((api) => send(api, key, origin)));
  const keys = (method: string, path: string, body?: object) =>
    it_.ask(it_.owner.token, method, `/v1/apps/shop/keys${path}`, body);

  /** Sends with the key through every process all the while; how long until all answer with `status`, in ms. */
  async function timeUntil(status: number, key: string, origin?: string): Promise<number> {
    const began = performance.now();
    const holds = async () => (await everywhere(key, origin)).every((each) => each === status);
    await until(`${String(status)} everywhere`, holds);
    return performance.now() - began;
  }

  it('works everywhere, is rotated without a gap, and once revoked is dead everywhere within 5 seconds', async () => {
    const created = await keys('POST', '', { kind: 'client', name: 'Web' });
    const [keyId, key] = [pickText(created.body, 'keyId'), pickText(created.body, 'key')];
    assert.deepEqual(await everywhere(key), [202, 202, 202]);

    const rotated = await keys('POST', `/${keyId}/rotate`, { overlapHours: 1 });
    const next = pickText(rotated.body, 'key', 'key');
    assert.deepEqual(await everywhere(next), [202, 202, 202]);
    assert.deepEqual(await everywhere(key), [202, 202, 202]);

    await keys('DELETE', `/${keyId}`);
    const took = await timeUntil(401, key);
    assert.ok(took < 5_000 + SLACK_MS, `${String(took)} ms`);
    assert.deepEqual(await everywhere(next), [202, 202, 202]);
  });

  it('is bound to new origins everywhere within 5 seconds', async () => {
    const created = await keys('POST', '', { kind: 'client' });
    const [keyId, key] = [pickText(created.body, 'keyId'), pickText(created.body, 'key')];
    assert.deepEqual(await everywhere(key, 'https://evil.test'), [202, 202, 202]);
    const changed = await keys('PATCH', `/${keyId}`, { origins: ['https://shop.example'] });
    assert.deepEqual(pick(changed.body, 'origins'), ['https://shop.example']);
    const took = await timeUntil(403, key, 'https://evil.test');
    assert.ok(took < 5_000 + SLACK_MS, `${String(took)} ms`);
    assert.deepEqual(await everywhere(key, 'https://shop.example'), [202, 202, 202]);
  });

  it('follows a smaller quota of its app everywhere within 5 seconds', async () => {
    const created = await keys('POST', '', { kind: 'client' });
    const key = pickText(created.body, 'key');
    assert.deepEqual(await everywhere(key), [202, 202, 202]);
    await it_.ask(it_.owner.token, 'PATCH', '/v1/apps/shop', { config: { maxEventsPerDay: 0 } });
    const took = await timeUntil(429, key);
    assert.ok(took < 5_000 + SLACK_MS, `${String(took)} ms`);
  });
});
