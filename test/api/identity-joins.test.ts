import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Document } from 'mongodb';
import { identityProof, identitySecret } from '../../api/identity-proof.js';
import { profileIdOf } from '../../db/ids.js';
import { ingest, type Ingest, SECRET_KEY, type Sender } from '../helper/ingest.js';
import { until } from '../helper/until.js';

/** A join as a protocol states it: of `from`, which has stood for itself, to `to`. */
interface Join {
  readonly from: string;
  readonly to: string;
  readonly proof?: string;
  readonly fromProof?: string;
}

describe('where an app demands proof of identity', () => {
  let it_: Ingest;
  let shop: Sender;
  let count = 0;
  before(async () => {
    it_ = await ingest('identity_joins');
  });
  after(() => it_.close());
  beforeEach(async () => {
    shop = await it_.register(`shop-${String((count += 1))}`, { identityProof: true });
  });

  const proofOf = (id: string): string => identityProof(identitySecret(SECRET_KEY, shop.app, 1), id);
  const now = (): string => new Date().toISOString();

  async function segment(message: object, key = shop.key): Promise<void> {
    const sent = { messageId: randomUUID(), timestamp: now(), ...message };
    const answer = await it_.send({ url: '/v1/batch', body: { batch: [sent] }, key });
    assert.deepEqual([answer.status, answer.body.rejected], [202, []]);
    await it_.storeAll();
  }
  async function postHog(event: string, distinctId: string, properties: object, key = shop.key): Promise<void> {
    const sent = { event, uuid: randomUUID(), distinct_id: distinctId, timestamp: now(), properties };
    const answer = await it_.send({ url: '/batch/', body: { api_key: key, batch: [sent] }, key: null });
    assert.equal(answer.status, 200);
    await it_.storeAll();
  }
  const identify = (id: string): Promise<void> =>
    segment({ type: 'identify', userId: id, traits: { of: id }, context: { identityProof: proofOf(id) } });

  /** To whom this id belongs; undefined where it stands for itself. */
  async function ownerOf(id: string): Promise<string | undefined> {
    const appId = shop.app.id;
    const found = await it_.db.collection('profile_aliases').findOne({ appId, from: profileIdOf(appId, id) });
    const names = ['user-a', 'user-m', 'user-f', 'visitor'];
    return found === null ? undefined : names.find((name) => profileIdOf(appId, name).equals(found['to'] as never));
  }
  const drops = (): Promise<Document[]> =>
    it_.db
      .collection('daily_drops')
      .find({ appId: shop.app.id }, { projection: { _id: 0, reason: 1, category: 1, count: 1 } })
      .toArray();

  const protocols: Readonly<Record<string, (join: Join, key?: string) => Promise<void>>> = {
    "Segment's alias": ({ from, to, proof = '', fromProof = '' }, key) =>
      segment(
        {
          type: 'alias',
          previousId: from,
          userId: to,
          context: { identityProof: proof, previousIdentityProof: fromProof },
        },
        key,
      ),
    "PostHog's $create_alias": ({ from, to, proof = '', fromProof = '' }, key) =>
      postHog('$create_alias', to, { alias: from, $identity_proof: proof, $alias_identity_proof: fromProof }, key),
    "PostHog's $identify": ({ from, to, proof = '', fromProof = '' }, key) =>
      postHog(
        '$identify',
        to,
        { $anon_distinct_id: from, $identity_proof: proof, $alias_identity_proof: fromProof },
        key,
      ),
  };

  for (const [protocol, join] of Object.entries(protocols)) {
    it(`${protocol} joins nobody who is somebody, with the proof of the other alone, and that is counted`, async () => {
      await identify('user-a');
      await join({ from: 'user-a', to: 'user-m', proof: proofOf('user-m') });
      await join({ from: 'user-a', to: 'user-m', proof: proofOf('user-m'), fromProof: proofOf('user-m') });
      assert.equal(await ownerOf('user-a'), undefined);
      assert.deepEqual(await drops(), [{ reason: 'identity_proof', category: 'profile', count: 2 }]);
      await join({ from: 'user-a', to: 'user-m', proof: proofOf('user-m'), fromProof: proofOf('user-a') });
      assert.equal(await ownerOf('user-a'), 'user-m');
    });

    it(`${protocol} joins a visitor whom nobody knows, and takes it from nobody afterwards`, async () => {
      await identify('user-a');
      await join({ from: 'visitor', to: 'user-a', proof: proofOf('user-a') });
      await join({ from: 'visitor', to: 'user-m', proof: proofOf('user-m') });
      assert.equal(await ownerOf('visitor'), 'user-a');
      await join({ from: 'visitor', to: 'user-a', proof: proofOf('user-a') });
      assert.deepEqual(await drops(), [{ reason: 'identity_proof', category: 'profile', count: 1 }]);
    });

    it(`${protocol} of a server key needs no proof`, async () => {
      await identify('user-a');
      await join({ from: 'user-a', to: 'user-m' }, shop.serverKey);
      assert.equal(await ownerOf('user-a'), 'user-m');
    });
  }

  it('who has asked for flags with a proof is somebody', async () => {
    const ask = () =>
      it_.api.inject({
        method: 'POST',
        url: '/ofrep/v1/evaluate/flags',
        headers: { authorization: `Bearer ${shop.key}`, 'x-identity-proof': proofOf('user-f') },
        payload: { context: { targetingKey: 'user-f' } },
      });
    assert.equal((await ask()).statusCode, 200);
    const profile = { appId: shop.app.id, externalId: 'user-f', identifiedAt: { $exists: true } };
    await until('who has proved who they are is somebody', async () => {
      await it_.storeAll();
      return (await it_.db.collection('profiles').findOne(profile)) !== null;
    });
    assert.equal((await ask()).statusCode, 200);
    await segment({
      type: 'alias',
      previousId: 'user-f',
      userId: 'user-m',
      context: { identityProof: proofOf('user-m') },
    });
    assert.equal(await ownerOf('user-f'), undefined);
  });
});
