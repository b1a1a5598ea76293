import assert from 'node:assert/strict';
import { firstRun } from '../../api/first-owner.js';
import { registry } from '../../api/management.js';
import type { System } from './system.js';

/** The token of the instance's owner, as `npm start` prints it. */
export async function ownerToken({ mongodb, db }: Pick<System, 'mongodb' | 'db'>): Promise<string> {
  const first = await firstRun(registry({ client: mongodb, db }), 'the-first-owner-'.repeat(2));
  return first.ownerToken;
}

/** Asks an API over the network, as whoever a token or key belongs to. A refusal fails. */
export const asking =
  (url: string, token: string) =>
  async (method: string, path: string, body?: object | string): Promise<unknown> => {
    const answer = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${String(answer.status)} ${text}`);
    return text === '' ? undefined : (JSON.parse(text) as unknown);
  };

export type Ask = ReturnType<typeof asking>;
