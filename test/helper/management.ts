import type { Client } from '@temporalio/client';
import type { InjectOptions } from 'fastify';
import { ObjectId } from 'mongodb';
import { type Logger, pino } from 'pino';
import { build } from '../../api/app.js';
import { registry } from '../../api/management.js';
import { hashSecret, newMemberToken } from '../../api/secrets.js';
import { applySchema } from '../../db/schema.js';
import type { Role } from '../../domain/member.js';
import { testDatabase, type TestDatabase } from './database.js';
import { pickText } from './pick.js';

export const SECRET_KEY = 'management-tests-'.repeat(3);

interface Answer {
  readonly status: number;
  /** Parsed JSON, where it is some. */
  readonly body: unknown;
  readonly text: string;
}

export type Management = Awaited<ReturnType<typeof management>>;

interface Options {
  readonly temporal?: () => Client | undefined;
  readonly log?: Logger;
}

/** The whole API over a database of its own, without Temporal unless given, and with an owner of the instance. */
export async function management(purpose: string, options: Options = {}) {
  const { temporal = () => undefined, log = pino({ level: 'silent' }) } = options;
  const { client, db, close }: TestDatabase = await testDatabase(purpose);
  await applySchema(db);
  const nouns = registry({ client, db });
  const limits = { spoolMaxBytes: 1_000_000, requestsPerSecondPerKey: 1_000 };
  const app = await build({ client, db, temporal, log, secretKey: SECRET_KEY, ...limits });

  async function ask(token: string, method: string, url: string, payload?: object): Promise<Answer> {
    const headers = { authorization: `Bearer ${token}` };
    const request: InjectOptions = { method: method, url, headers };
    const answer = await app.inject(payload === undefined ? request : { ...request, payload });
    const isJson = String(answer.headers['content-type']).includes('json') && answer.body !== '';
    const body: unknown = isJson ? answer.json() : undefined;
    return { status: answer.statusCode, body, text: answer.body };
  }

  /** A member as they would be after having been added to these apps, with a token. */
  async function person(roles: readonly { appId: ObjectId; role: Role }[], owner = false) {
    const token = newMemberToken();
    const id = new ObjectId();
    const doc = { _id: id, name: 'Somebody', email: null, owner, roles, createdAt: new Date(), revokedAt: null };
    const hash = hashSecret(token);
    const lifetime = { createdAt: new Date(), expiresAt: null, revokedAt: null, lastUsedAt: null };
    const first = { _id: new ObjectId(), memberId: id, name: 'Test', hash, prefix: token.slice(0, 8), ...lifetime };
    await client.withSession(async (session) => {
      await nouns.members.insert(session, doc);
      await nouns.memberTokens.insert(session, first);
    });
    return { id: id.toHexString(), token };
  }

  const owner = await person([], true);

  /** Registers an app as the instance's owner. */
  async function register(appId: string, config: object = {}) {
    const { status, body } = await ask(owner.token, 'POST', '/v1/apps', { appId, name: `App ${appId}`, config });
    if (status !== 201) throw new Error(`not registered: ${JSON.stringify(body)}`);
    const found = await nouns.apps.findBySlug(appId);
    if (found === undefined) throw new Error('registered and gone');
    return {
      id: found.id,
      appId,
      key: pickText(body, 'clientKey', 'key'),
      keyId: pickText(body, 'clientKey', 'keyId'),
    };
  }

  return {
    ...nouns,
    client,
    db,
    app,
    ask,
    person,
    owner,
    register,
    async close() {
      await app.close();
      await close();
    },
  };
}
