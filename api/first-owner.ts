import { ObjectId } from 'mongodb';
import type { Actor } from '../db/audit.js';
import { isDuplicateKey } from '../db/duplicate-key.js';
import { newTokenDoc, tokenFacts } from '../db/token-changes.js';
import { PlatformError } from '../domain/errors.js';
import { type KeyKind, shownPrefix } from '../domain/key.js';
import type { registry } from './management.js';
import { derivedAppKey, derivedMemberToken, hashSecret } from './secrets.js';

/** What somebody needs who has just started an instance. */
export interface FirstRun {
  readonly ownerToken: string;
  readonly demo: {
    readonly appId: string;
    readonly apiKey: string;
    readonly serverKey: string;
    readonly dsnId: number;
  };
}

const DEMO = 'demo';
const actor: Actor = { kind: 'system', id: null, name: 'first run' };

const stored = (secret: string) => ({ hash: hashSecret(secret), prefix: shownPrefix(secret) });

/**
 * Sees to it that there is a first owner, and a demo app with keys. Their secrets are derived from the instance's
 * own, so that a later start can show them again although only hashes are stored. What was revoked stays so.
 */
export async function firstRun(nouns: ReturnType<typeof registry>, secretKey: string): Promise<FirstRun> {
  const ownerToken = derivedMemberToken(secretKey, 'owner token');
  const apiKey = derivedAppKey(secretKey, 'demo client key');
  const serverKey = derivedAppKey(secretKey, 'demo server key');

  const ownerId = await ensureOwner(nouns);
  await ensureToken(nouns, ownerId, ownerToken);
  const demo = await ensureDemo(nouns, ownerId, apiKey);
  await ensureKey(nouns, demo.id, 'client', apiKey);
  await ensureKey(nouns, demo.id, 'server', serverKey);
  return { ownerToken, demo: { appId: DEMO, apiKey, serverKey, dsnId: demo.dsnId } };
}

type Nouns = ReturnType<typeof registry>;

/** Of two starts at once, the unique index lets one make the owner; the other tries again, and finds them. */
function ensureOwner({ audited, members }: Nouns): Promise<ObjectId> {
  return audited(async (session) => {
    const known = await members.firstOwner(session);
    if (known !== undefined) return { result: known };
    const id = new ObjectId();
    const facts = { name: 'Owner', email: null, owner: true };
    const lifetime = { createdAt: new Date(), revokedAt: null };
    await members.insert(session, { _id: id, ...facts, firstOwner: true, roles: [], ...lifetime });
    const target = { kind: 'member', id };
    return {
      result: id,
      entry: { appId: null, actor, action: 'member.added', target, before: null, after: facts },
    };
  });
}

function ensureToken({ audited, memberTokens }: Nouns, memberId: ObjectId, ownerToken: string): Promise<void> {
  const secret = stored(ownerToken);
  return audited(async (session) => {
    if ((await memberTokens.findByHash(session, secret.hash)) !== undefined) return { result: undefined };
    const name = 'First token';
    const token = newTokenDoc({ memberId, name, secret, createdAt: new Date(), expiresAt: null });
    await memberTokens.insert(session, token);
    const target = { kind: 'token', id: token._id };
    const after = { memberId, ...tokenFacts(token) };
    return { result: undefined, entry: { appId: null, actor, action: 'token.created', target, before: null, after } };
  });
}

async function ensureDemo({ apps, appChanges }: Nouns, ownerId: ObjectId, apiKey: string) {
  const present = await apps.findBySlug(DEMO);
  if (present !== undefined) return present;
  try {
    const app = { actor, ownerId, appId: DEMO, name: 'Demo', clientKey: stored(apiKey) };
    return (await appChanges.register(app)).app;
  } catch (error) {
    // Another start was faster.
    const meanwhile = await apps.findBySlug(DEMO);
    if (meanwhile === undefined || !(error instanceof PlatformError) || error.code !== 'CONFLICT') throw error;
    return meanwhile;
  }
}

async function ensureKey({ appKeys, keyChanges }: Nouns, appId: ObjectId, kind: KeyKind, key: string): Promise<void> {
  const secret = stored(key);
  if ((await appKeys.findWithApp(secret.hash)) !== undefined) return;
  try {
    await keyChanges.create({ actor, appId, kind, name: `First ${kind} key`, secret });
  } catch (error) {
    // Another start was faster.
    if (!isDuplicateKey(error, 'hash')) throw error;
  }
}
