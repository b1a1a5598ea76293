import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { FastifyInstance } from 'fastify';
import { newAppKey } from '../../api/secrets.js';
import { type Answer, ask, ingest, type Ingest, ingestApi } from '../helper/ingest.js';
import { SLACK_MS, until } from '../helper/until.js';

const NEW_KEY_MS = 2_000;

describe('a flood of invented keys', () => {
  let it_: Ingest;
  let api: FastifyInstance;
  let good: readonly string[];
  // It stands still, so that the second of the flood has no end and no good key comes through by luck.
  let clock = Date.now();

  const receipt = (key: string): Promise<Answer> =>
    ask(api, { method: 'GET', url: `/v1/batches/${'a'.repeat(64)}`, key });
  const isLetIn = async (key: string): Promise<boolean> => (await receipt(key)).status === 404;
  const flood = async (size: number): Promise<string[]> => {
    const answers = await Promise.all(Array.from({ length: size }, () => receipt(newAppKey())));
    return answers.map(({ body }) => body.code);
  };

  before(async () => {
    it_ = await ingest('invented_keys');
    good = await Promise.all(Array.from({ length: 100 }, () => it_.addKey(it_.shop.app, 'client')));
    api = await ingestApi(it_.client, it_.db, { now: () => clock });
  });
  after(async () => {
    await api.close();
    await it_.close();
  });

  it('keeps no good key out that this process has never seen', async () => {
    const codes: string[] = [];
    for (const key of good) {
      codes.push(...(await flood(9)));
      assert.ok(await isLetIn(key));
    }
    assert.equal(codes.filter((code) => code === 'UNAUTHENTICATED').length, 20);
    assert.equal(codes.filter((code) => code === 'RATE_LIMITED').length, 880);
  });

  it('keeps a new key out for two seconds at most', async () => {
    const key = await it_.addKey(it_.shop.app, 'server');
    const letIn = async () => {
      await flood(5);
      return isLetIn(key);
    };
    await until('let in', letIn, NEW_KEY_MS + SLACK_MS);
    assert.deepEqual([...new Set(await flood(5))], ['RATE_LIMITED']);
  });

  it('keeps nobody from hearing that their key was revoked, whether this process has seen it before or not', async () => {
    const [seen = ''] = good;
    const unseen = await it_.addKey(it_.shop.app, 'client', { revokedAt: new Date(clock) });
    assert.ok(await isLetIn(seen));
    const { modifiedCount } = await it_.db
      .collection('app_keys')
      .updateMany({ name: 'Key', revokedAt: null }, { $set: { revokedAt: new Date(clock) } });
    assert.ok(modifiedCount > 0);
    clock += 4_000;
    await flood(100);
    assert.equal((await receipt(seen)).body.code, 'UNAUTHENTICATED');
    await until('told of', async () => (await receipt(unseen)).body.code === 'UNAUTHENTICATED');
  });
});
