import { hash } from 'node:crypto';
import { ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import type { AlertChannelDoc, AlertChannels, ChannelKind, WebhookFormat } from './alert-channels.js';
import type { AlertSecrets } from './alert-secrets.js';
import type { AlertCause } from './alerts.js';
import type { Actor, Audited } from './audit.js';

interface Deps {
  readonly audited: Audited;
  readonly alertChannels: AlertChannels;
  readonly alertSecrets: AlertSecrets;
}

interface ChannelCreation {
  readonly actor: Actor;
  readonly appId: ObjectId;
  readonly kind: ChannelKind;
  readonly name: string;
  readonly url: string | null;
  readonly format: WebhookFormat;
  readonly recipients: readonly string[];
  readonly causes: readonly AlertCause[];
  readonly enabled: boolean;
  /** Of a webhook; what its messages are signed with. */
  readonly secret: string | null;
}

interface ChannelTarget {
  readonly actor: Actor;
  readonly appId: ObjectId;
  readonly channelId: ObjectId;
}

interface ChannelEdit extends ChannelTarget {
  readonly change: Partial<Pick<AlertChannelDoc, 'name' | 'url' | 'format' | 'recipients' | 'causes' | 'enabled'>>;
}

interface SecretRotation extends ChannelTarget {
  readonly secret: string;
  readonly overlapMs: number;
}

/** Two that are made at the same moment may exceed it by one, which hurts nobody. */
const MOST_CHANNELS = 20;

/** For the audit log: who knows a webhook's path may often write to it, so of that only a hash is told. */
const channelFacts = ({ kind, name, url, format, recipients, causes, enabled, secrets, goneAt }: AlertChannelDoc) => ({
  kind,
  name,
  origin: url === null ? null : new URL(url).origin,
  urlHash: url === null ? null : hash('sha256', url, 'hex').slice(0, 16),
  format,
  recipients,
  causes,
  enabled,
  secretsUntil: secrets.map(({ expiresAt }) => expiresAt),
  goneAt,
});

/** What may happen to an app's alert channels, each with its audit entry. */
export function alertChannelChanges({ audited, alertChannels, alertSecrets }: Deps) {
  const entry = (
    action: string,
    { actor, appId }: Pick<ChannelTarget, 'actor' | 'appId'>,
    before: AlertChannelDoc | null,
    after: AlertChannelDoc | null,
  ) => ({
    appId,
    actor,
    action,
    target: { kind: 'alert-channel', id: (after ?? before)?._id ?? new ObjectId() },
    before: before && channelFacts(before),
    after: after && channelFacts(after),
  });
  const sealed = (channelId: ObjectId, secret: string, createdAt: Date) => ({
    sealed: alertSecrets.seal(secret, channelId.toHexString()),
    createdAt,
    expiresAt: null,
  });

  return {
    /** @throws CONFLICT when the app has as many as it may. */
    create(input: ChannelCreation): Promise<AlertChannelDoc> {
      return audited(async (session) => {
        const { length } = await alertChannels.ofApp(input.appId, session);
        if (length >= MOST_CHANNELS) {
          throw new PlatformError('CONFLICT', `an app has at most ${String(MOST_CHANNELS)} alert channels`);
        }
        const { appId, kind, name, url, format, recipients, causes, enabled, secret } = input;
        const [_id, createdAt] = [new ObjectId(), new Date()];
        const secrets = secret === null ? [] : [sealed(_id, secret, createdAt)];
        const never = { failingSince: null, lastDeliveredAt: null, goneAt: null };
        const channel: AlertChannelDoc = {
          ...{ _id, appId, kind, name, url, format, recipients, causes, enabled, secrets, createdAt },
          ...never,
        };
        await alertChannels.insert(session, channel);
        return { result: channel, entry: entry('alert-channel.created', input, null, channel) };
      });
    },

    /** Enabling one whose receiver was gone gives it another chance. @throws NOT_FOUND */
    change(input: ChannelEdit): Promise<AlertChannelDoc> {
      return audited(async (session) => {
        const before = found(await alertChannels.findIn(session, input.appId, input.channelId));
        const goneAt = input.change.enabled === true ? null : before.goneAt;
        const change = { ...input.change, goneAt };
        const after: AlertChannelDoc = { ...before, ...change };
        if (JSON.stringify(channelFacts(after)) === JSON.stringify(channelFacts(before))) return { result: before };
        await alertChannels.change(session, before._id, change);
        return { result: after, entry: entry('alert-channel.changed', input, before, after) };
      });
    },

    /** A new secret; the one before signs too until the overlap is over. @throws NOT_FOUND, CONFLICT for e-mail. */
    rotateSecret(input: SecretRotation): Promise<AlertChannelDoc> {
      return audited(async (session) => {
        const before = found(await alertChannels.findIn(session, input.appId, input.channelId));
        if (before.kind !== 'webhook') throw new PlatformError('CONFLICT', 'only webhooks are signed');
        const now = new Date();
        const end = new Date(now.getTime() + input.overlapMs);
        const [newest] = before.secrets;
        const previous = newest !== undefined && input.overlapMs > 0 ? [{ ...newest, expiresAt: end }] : [];
        const secrets = [sealed(before._id, input.secret, now), ...previous];
        await alertChannels.change(session, before._id, { secrets });
        const after = { ...before, secrets };
        return { result: after, entry: entry('alert-channel.secret-rotated', input, before, after) };
      });
    },

    /** @throws NOT_FOUND */
    remove(input: ChannelTarget): Promise<void> {
      return audited(async (session) => {
        const before = found(await alertChannels.findIn(session, input.appId, input.channelId));
        await alertChannels.remove(session, before._id);
        return { result: undefined, entry: entry('alert-channel.removed', input, before, null) };
      });
    },

    /** The receiver wants no more. Doing it again changes nothing. */
    gone(appId: ObjectId, channelId: ObjectId, goneAt: Date): Promise<void> {
      return audited(async (session) => {
        const before = await alertChannels.findIn(session, appId, channelId);
        if (before?.enabled !== true) return { result: undefined };
        const after = { ...before, enabled: false, goneAt };
        await alertChannels.change(session, channelId, { enabled: false, goneAt });
        const actor = { kind: 'system', id: null, name: 'alerts' } as const;
        return { result: undefined, entry: entry('alert-channel.gone', { actor, appId }, before, after) };
      });
    },
  };
}

function found(channel: AlertChannelDoc | undefined): AlertChannelDoc {
  if (channel === undefined) throw new PlatformError('NOT_FOUND', 'no such alert channel in this app');
  return channel;
}

export type AlertChannelChanges = ReturnType<typeof alertChannelChanges>;
