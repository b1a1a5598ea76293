import { ObjectId } from 'mongodb';
import { hashSecret } from '../../api/secrets.js';
import type { KeyAndApp } from '../../db/app-keys.js';
import { DEFAULT_APP_CONFIG } from '../../domain/app.js';

export const START = Date.parse('2026-03-01T00:00:00Z');

/** A client key of an app of its own, as it is stored. */
export function record(key: string, origins: readonly string[] = []): KeyAndApp {
  const id = new ObjectId();
  return {
    key: {
      _id: new ObjectId(),
      appId: id,
      kind: 'client',
      name: 'Key',
      hash: hashSecret(key),
      prefix: key.slice(0, 8),
      origins,
      createdAt: new Date(START),
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
      replacedBy: null,
    },
    app: {
      id,
      appId: 'demo',
      name: 'Demo',
      dsnId: 1,
      config: DEFAULT_APP_CONFIG,
      identity: { version: 1, previousUntil: null },
      createdAt: new Date(START),
    },
  };
}

/** The table of keys, with a count of what it was asked. */
export function fakeKeys() {
  const rows = new Map<string, KeyAndApp>();
  const state = { reads: 0, touches: [] as Date[], down: false, hold: undefined as Promise<void> | undefined };
  return {
    state,
    put: (row: KeyAndApp) => rows.set(row.key.hash, row),
    async findWithApp(hash: string): Promise<KeyAndApp | undefined> {
      state.reads += 1;
      if (state.down) throw new Error('no server');
      const answer = rows.get(hash);
      await state.hold;
      return answer;
    },
    async touch(_keyId: ObjectId, at: Date): Promise<void> {
      state.touches.push(at);
      if (state.down) throw new Error('no server');
    },
  };
}
