import assert from 'node:assert/strict';
import { ObjectId } from 'mongodb';
import { registry } from '../../api/management.js';
import { hashSecret, newMemberToken } from '../../api/secrets.js';
import type { System } from './system.js';

/** An owner of the instance, who asks the running system about an app; any refusal fails the test. */
export async function ownerOf(system: System, appId: string) {
  const nouns = registry({ client: system.mongodb, db: system.db });
  const token = newMemberToken();
  const createdAt = new Date();
  const memberId = new ObjectId();
  const member = { _id: memberId, name: 'Owner', email: null, owner: true, roles: [], createdAt, revokedAt: null };
  await system.mongodb.withSession(async (session) => {
    await nouns.members.insert(session, member);
    await nouns.memberTokens.insert(session, {
      ...{ _id: new ObjectId(), memberId, name: 'Test', hash: hashSecret(token), prefix: token.slice(0, 8) },
      ...{ createdAt, expiresAt: null, revokedAt: null, lastUsedAt: null },
    });
  });

  return async (method: string, path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`${system.url}/v1/apps/${appId}/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    assert.ok(answer.ok, `${method} ${path}: ${String(answer.status)} ${await answer.clone().text()}`);
    return answer.json();
  };
}
