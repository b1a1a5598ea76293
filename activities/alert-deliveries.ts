import { ApplicationFailure } from '@temporalio/common';
import { Webhook } from 'standardwebhooks';
import type { AlertChannelChanges } from '../db/alert-channel-changes.js';
import type { AlertChannelDoc, AlertChannels } from '../db/alert-channels.js';
import type { AlertDeliveries, AlertDeliveryDoc } from '../db/alert-deliveries.js';
import type { AlertFlags } from '../db/alert-flags.js';
import type { AlertGroups } from '../db/alert-groups.js';
import type { AlertSecrets } from '../db/alert-secrets.js';
import type { AlertDoc, Alerts } from '../db/alerts.js';
import type { Apps } from '../db/apps.js';
import { type AlertMessage, flagMessage, groupMessage, mailOf, slackBody } from './alert-message.js';
import type { SendMail } from './mail.js';
import { type SendWebhook, type Sent, wantsNoMore } from './webhook.js';

export interface DeliveryInput {
  readonly deliveryId: string;
}

export interface FailDeliveryInput extends DeliveryInput {
  readonly reason: string;
}

export type DeliveryOutcome = 'delivered' | 'failed' | 'unknown';

export interface DeliveryDeps {
  readonly alerts: Pick<Alerts, 'find'>;
  readonly alertChannels: Pick<AlertChannels, 'find' | 'succeeded' | 'failed'>;
  readonly alertChannelChanges: Pick<AlertChannelChanges, 'gone'>;
  readonly alertDeliveries: Pick<AlertDeliveries, 'find' | 'keepMessage' | 'noteAttempt' | 'finish' | 'reopen'>;
  readonly alertGroups: Pick<AlertGroups, 'find'>;
  readonly alertFlags: Pick<AlertFlags, 'find'>;
  readonly alertSecrets: Pick<AlertSecrets, 'open'>;
  readonly apps: Pick<Apps, 'slugs'>;
  readonly sendWebhook: SendWebhook;
  /** Undefined where the instance has no SMTP server. */
  readonly sendMail: SendMail | undefined;
  /** Where people reach this instance. */
  readonly publicUrl: string | undefined;
  readonly now: () => number;
}

/** Telling one channel of one alert: at least once, with an id by which a receiver knows a repetition. */
export function deliveryActivities(deps: DeliveryDeps) {
  const { alertChannels, alertDeliveries, now } = deps;

  async function finish(
    { _id }: AlertDeliveryDoc,
    state: 'delivered' | 'failed',
    failure: string | null,
  ): Promise<DeliveryOutcome> {
    await alertDeliveries.finish(_id.toHexString(), state, new Date(now()), failure);
    return state;
  }

  /** Undefined when what it is about is gone. */
  async function composed(alert: AlertDoc, app: string): Promise<AlertMessage | undefined> {
    const told = { alert, app, publicUrl: deps.publicUrl };
    if (alert.flagKey !== undefined) {
      const flag = await deps.alertFlags.find(alert.appId, alert.flagKey);
      return flag && flagMessage({ ...told, flag });
    }
    const group = alert.groupId && (await deps.alertGroups.find(alert.groupId));
    return group && groupMessage({ ...told, group });
  }

  async function messageOf(delivery: AlertDeliveryDoc): Promise<AlertMessage | undefined> {
    if (delivery.message !== null) return JSON.parse(delivery.message) as AlertMessage;
    const alert = await deps.alerts.find(delivery.alertId);
    const app = (await deps.apps.slugs([delivery.appId])).get(delivery.appId.toHexString());
    if (alert === undefined || app === undefined) return undefined;
    const message = await composed(alert, app);
    if (message === undefined) return undefined;
    return JSON.parse(await alertDeliveries.keepMessage(delivery._id, JSON.stringify(message))) as AlertMessage;
  }

  async function send(delivery: AlertDeliveryDoc, channel: AlertChannelDoc, message: AlertMessage): Promise<Sent> {
    const id = `msg_${delivery._id.toHexString()}`;
    if (channel.kind === 'email') {
      const nobody = { status: null, answer: '', failure: 'this instance has no SMTP server', isFinal: true };
      return (await deps.sendMail?.({ id, to: channel.recipients, ...mailOf(message) })) ?? nobody;
    }
    const body = channel.format === 'slack' ? slackBody(message) : JSON.stringify(message);
    const at = new Date(now());
    const owner = channel._id.toHexString();
    // During the overlap after a rotation the receiver may know either secret.
    const signatures = channel.secrets
      .filter(({ expiresAt }) => expiresAt === null || expiresAt > at)
      .map(({ sealed }) => new Webhook(deps.alertSecrets.open(sealed, owner)).sign(id, at, body));
    return deps.sendWebhook({
      url: channel.url ?? '',
      body,
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
        'webhook-signature': signatures.join(' '),
      },
    });
  }

  return {
    /**
     * One attempt, noted in the delivery's log. Fails when it is worth another one; what it answers is final.
     * A delivery that has been made is left alone.
     */
    async attemptDelivery({ deliveryId }: DeliveryInput): Promise<DeliveryOutcome> {
      const delivery = await alertDeliveries.find(deliveryId);
      if (delivery === undefined) return 'unknown';
      if (delivery.state === 'delivered') return 'delivered';
      const channel = await alertChannels.find(delivery.channelId);
      if (channel === undefined) return finish(delivery, 'failed', 'the channel was removed');
      if (!channel.enabled) return finish(delivery, 'failed', 'the channel is disabled');
      const message = await messageOf(delivery);
      if (message === undefined) return finish(delivery, 'failed', 'the app, or what the alert is about, is gone');

      const begun = now();
      const sent = await send(delivery, channel, message);
      const at = new Date(begun);
      const { status, answer, failure } = sent;
      await alertDeliveries.noteAttempt(delivery._id, { at, ms: now() - begun, status, answer, failure });
      if (failure === null) {
        await alertChannels.succeeded(channel._id, at);
        return finish(delivery, 'delivered', null);
      }
      await alertChannels.failed(channel._id, at);
      if (wantsNoMore(sent) && channel.kind === 'webhook') {
        await deps.alertChannelChanges.gone(channel.appId, channel._id, at);
      }
      if (sent.isFinal) return finish(delivery, 'failed', failure);
      throw ApplicationFailure.create({
        message: failure,
        type: 'UNAVAILABLE',
        ...(sent.retryAfterMs !== undefined && { nextRetryDelay: sent.retryAfterMs }),
      });
    },

    /** Idempotent. */
    async failDelivery({ deliveryId, reason }: FailDeliveryInput): Promise<void> {
      await alertDeliveries.finish(deliveryId, 'failed', new Date(now()), reason);
    },

    /** Puts it back in line, whatever became of it before. Idempotent. */
    async reopenDelivery({ deliveryId }: DeliveryInput): Promise<void> {
      await alertDeliveries.reopen(deliveryId);
    },
  };
}

export type DeliveryActivities = ReturnType<typeof deliveryActivities>;
