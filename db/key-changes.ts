import { ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import { isLive, type KeyKind } from '../domain/key.js';
import type { AppKeyDoc, AppKeys } from './app-keys.js';
import type { Apps } from './apps.js';
import type { Actor, Audited } from './audit.js';
import type { NewSecret } from './new-secret.js';

interface Deps {
  readonly audited: Audited;
  readonly apps: Pick<Apps, 'mirrorClientKey'>;
  readonly appKeys: AppKeys;
}

interface NewKey {
  readonly appId: ObjectId;
  readonly kind: KeyKind;
  readonly name: string;
  readonly secret: NewSecret;
  readonly origins?: readonly string[] | undefined;
  readonly createdAt: Date;
  readonly expiresAt?: Date | null;
}

interface KeyCreation extends Omit<NewKey, 'createdAt'> {
  readonly actor: Actor;
}

interface KeyTarget {
  readonly actor: Actor;
  readonly appId: ObjectId;
  readonly keyId: ObjectId;
}

interface KeyEdit extends KeyTarget {
  readonly name?: string | undefined;
  readonly origins?: readonly string[] | undefined;
}

interface KeyRotation extends KeyTarget {
  readonly secret: NewSecret;
  readonly overlapMs: number;
  readonly expiresAt: Date | null;
}

export const newKeyDoc = ({ appId, kind, name, secret, origins, createdAt, expiresAt }: NewKey): AppKeyDoc => ({
  _id: new ObjectId(),
  appId,
  kind,
  name,
  hash: secret.hash,
  prefix: secret.prefix,
  origins: origins ?? [],
  createdAt,
  expiresAt: expiresAt ?? null,
  revokedAt: null,
  lastUsedAt: null,
  replacedBy: null,
});

/** What the audit log is told of a key: its prefix names it, its hash is nobody's business. */
export const keyFacts = ({ kind, name, prefix, origins, expiresAt, revokedAt, replacedBy }: AppKeyDoc) => ({
  kind,
  name,
  prefix,
  origins,
  expiresAt,
  revokedAt,
  replacedBy,
});

const sooner = (one: Date | null, other: Date): Date => (one !== null && one < other ? one : other);

/** What may happen to an app's keys, each with its audit entry. */
export function keyChanges({ audited, apps, appKeys }: Deps) {
  const entry = (
    action: string,
    { actor, appId }: Omit<KeyTarget, 'keyId'>,
    before: AppKeyDoc | null,
    after: AppKeyDoc,
  ) => ({
    appId,
    actor,
    action,
    target: { kind: 'key', id: after._id },
    before: before && keyFacts(before),
    after: keyFacts(after),
  });

  return {
    create(input: KeyCreation): Promise<AppKeyDoc> {
      return audited(async (session) => {
        const key = newKeyDoc({ ...input, createdAt: new Date() });
        await appKeys.insert(session, key);
        if (key.kind === 'client') await apps.mirrorClientKey(session, key.appId, key.hash, key.prefix);
        return { result: key, entry: entry('key.created', input, null, key) };
      });
    },

    /** @throws NOT_FOUND */
    change(input: KeyEdit): Promise<AppKeyDoc> {
      return audited(async (session) => {
        const before = found(await appKeys.find(input.appId, input.keyId, session));
        const { name = before.name, origins = before.origins } = input;
        const after: AppKeyDoc = { ...before, name, origins };
        if (JSON.stringify(keyFacts(after)) === JSON.stringify(keyFacts(before))) return { result: before };
        await appKeys.change(session, before._id, { name, origins });
        return { result: after, entry: entry('key.changed', input, before, after) };
      });
    },

    /**
     * A new key of the same kind for the same origins; the old one works until the overlap is over, never longer
     * than it would have.
     * @throws NOT_FOUND, or CONFLICT when the key no longer works or has been rotated before.
     */
    rotate(input: KeyRotation): Promise<{ readonly key: AppKeyDoc; readonly previous: AppKeyDoc }> {
      return audited(async (session) => {
        const createdAt = new Date();
        const before = found(await appKeys.find(input.appId, input.keyId, session));
        if (before.replacedBy !== null) throw new PlatformError('CONFLICT', 'this key has been rotated already');
        if (!isLive(before, createdAt.getTime())) throw new PlatformError('CONFLICT', 'this key no longer works');
        const { appId, kind, name, origins } = before;
        const key = newKeyDoc({
          appId,
          kind,
          name,
          origins,
          secret: input.secret,
          createdAt,
          expiresAt: input.expiresAt,
        });
        const end = {
          expiresAt: sooner(before.expiresAt, new Date(createdAt.getTime() + input.overlapMs)),
          replacedBy: key._id,
        };
        await appKeys.insert(session, key);
        await appKeys.change(session, before._id, end);
        if (kind === 'client') await apps.mirrorClientKey(session, appId, key.hash, key.prefix);
        const previous = { ...before, ...end };
        const { after: newKey, ...rotated } = entry('key.rotated', input, before, key);
        const after = { ...keyFacts(previous), newKey };
        return { result: { key, previous }, entry: { ...rotated, target: { kind: 'key', id: before._id }, after } };
      });
    },

    /** At once and for good. Doing it again changes nothing. @throws NOT_FOUND */
    revoke(input: KeyTarget): Promise<void> {
      return audited(async (session) => {
        const before = found(await appKeys.find(input.appId, input.keyId, session));
        if (before.revokedAt !== null) return { result: undefined };
        const revokedAt = new Date();
        await appKeys.revoke(session, before._id, revokedAt);
        return { result: undefined, entry: entry('key.revoked', input, before, { ...before, revokedAt }) };
      });
    },
  };
}

function found(key: AppKeyDoc | undefined): AppKeyDoc {
  if (key === undefined) throw new PlatformError('NOT_FOUND', 'no such key in this app');
  return key;
}

export type KeyChanges = ReturnType<typeof keyChanges>;
