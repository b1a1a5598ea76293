import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { identityProof, identitySecret, verifyIdentityProof } from '../../api/identity-proof.js';

const secretKey = 's'.repeat(40);
const app = { id: new ObjectId(), identity: { version: 2, previousUntil: new Date('2026-03-02T00:00:00Z') } };
const now = Date.parse('2026-03-01T00:00:00Z');
const secret = identitySecret(secretKey, app, 2);
const proofOf = (profileId: string) => createHmac('sha256', secret).update(profileId).digest('hex');

describe('verifyIdentityProof', () => {
  const verify = (profileId: string, proof: string | undefined, at = now) =>
    verifyIdentityProof({ secretKey, app, profileId, proof, now: at });

  it('believes what anybody with the secret can make with standard tools', () => {
    assert.equal(verify('user-1', proofOf('user-1')), true);
    assert.equal(verify('user-1', proofOf('user-1').toUpperCase()), true);
    assert.equal(verify('jürgen@example.com', proofOf('jürgen@example.com')), true);
  });

  it('believes nothing else', () => {
    const proof = proofOf('user-1');
    for (const wrong of [undefined, '', proof.slice(1), `${proof}0`, proof.replace(/^./, 'z'), 'f'.repeat(64)]) {
      assert.equal(verify('user-1', wrong), false, String(wrong));
    }
    assert.equal(verify('user-2', proof), false);
    assert.equal(verify('USER-1', proof), false);
  });

  it('is bound to the app and to this instance', () => {
    const other = { ...app, id: new ObjectId() };
    assert.equal(verifyIdentityProof({ secretKey, app: other, profileId: 'u', proof: proofOf('u'), now }), false);
    const foreign = identityProof(identitySecret('t'.repeat(40), app, 2), 'u');
    assert.equal(verify('u', foreign), false);
  });

  it('believes the secret before until the overlap is over, and never an older one', () => {
    const before = identityProof(identitySecret(secretKey, app, 1), 'u');
    const older = identityProof(identitySecret(secretKey, app, 0), 'u');
    assert.equal(verify('u', before), true);
    assert.equal(verify('u', before, Date.parse('2026-03-02T00:00:00Z')), false);
    assert.equal(verify('u', older), false);
  });
});
