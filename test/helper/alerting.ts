import type { ObjectId } from 'mongodb';
import { alertDeps, type AlertSettings } from '../../activities/alert-deps.js';
import { alertActivities } from '../../activities/alerts.js';
import { deliveryActivities } from '../../activities/alert-deliveries.js';
import { watchActivities } from '../../activities/error-watch.js';
import { alertChannelChanges } from '../../db/alert-channel-changes.js';
import type { AlertChannelDoc } from '../../db/alert-channels.js';
import type { AlertDeliveryDoc } from '../../db/alert-deliveries.js';
import { alertSecrets, newWebhookSecret } from '../../db/alert-secrets.js';
import { ALERT_CAUSES, type AlertDoc, alertId, type GroupCause } from '../../db/alerts.js';
import type { ErrorGroupDoc } from '../../db/error-groups.js';
import { groupOf } from './error-group.js';
import { management, SECRET_KEY } from './management.js';

export type Alerting = Awaited<ReturnType<typeof alerting>>;

/** An app with groups, and all that alerts do, on a database of its own. */
export async function alerting(purpose: string, settings: Partial<AlertSettings> = {}) {
  const base = await management(purpose);
  const { client, db } = base;
  const app = await base.register('shop');
  const woken: string[] = [];
  const wakes = { dispatch: 0 };
  const clock = { ahead: 0 };
  const deps = alertDeps({
    client,
    db,
    secretKey: SECRET_KEY,
    smtp: undefined,
    webhookAllowPrivate: true,
    publicUrl: 'https://experience.example.com',
    ...settings,
    async wakeGroup(groupId) {
      woken.push(groupId);
    },
    async wakeDispatch() {
      wakes.dispatch++;
    },
    now: () => Date.now() + clock.ahead,
  });
  const channelChanges = alertChannelChanges({ ...base, alertSecrets: alertSecrets(SECRET_KEY) });
  const actor = { kind: 'system', id: null, name: 'test' } as const;
  const groups = db.collection<ErrorGroupDoc>('error_groups');
  const alerts = db.collection<AlertDoc>('alerts');
  const deliveries = db.collection<AlertDeliveryDoc>('alert_deliveries');
  const number = { next: 1 };

  return {
    ...base,
    ...{ app, actor, deps, channelChanges, woken, wakes, clock, groups, alerts, deliveries },
    activities: { ...alertActivities(deps), ...deliveryActivities(deps), ...watchActivities(deps) },

    async group(fields: Partial<ErrorGroupDoc> = {}): Promise<ErrorGroupDoc> {
      const doc = groupOf({ appId: app.id, ...fields });
      await groups.insertOne(doc);
      return doc;
    },

    /** A row as ingest writes it. */
    async alert(group: ErrorGroupDoc, cause: GroupCause = 'new_group', facts: object = {}): Promise<AlertDoc> {
      const doc = {
        _id: alertId(group._id, cause, number.next++),
        ...{
          appId: group.appId,
          groupId: group._id,
          cause,
          at: new Date(),
          facts: { ...facts },
          state: 'new' as const,
        },
      };
      await alerts.insertOne(doc);
      return doc;
    },

    async webhook(url: string, more: Partial<AlertChannelDoc> = {}) {
      const secret = newWebhookSecret();
      const channel = await channelChanges.create({
        ...{ actor, appId: app.id, kind: 'webhook', name: 'Hook', url, format: 'standard', recipients: [] },
        ...{ causes: ALERT_CAUSES, enabled: true, ...more, secret },
      });
      return { channel, secret };
    },

    mailbox: (recipients: readonly string[]): Promise<AlertChannelDoc> =>
      channelChanges.create({
        ...{ actor, appId: app.id, kind: 'email', name: 'Mail', url: null, format: 'standard', recipients },
        ...{ causes: ALERT_CAUSES, enabled: true, secret: null },
      }),

    remove: (channel: AlertChannelDoc): Promise<void> =>
      channelChanges.remove({ actor, appId: app.id, channelId: channel._id }),

    channel: async (id: ObjectId): Promise<AlertChannelDoc> => {
      const found = await deps.alertChannels.find(id);
      if (found === undefined) throw new Error('no channel');
      return found;
    },

    delivery: async (deliveryId: string): Promise<AlertDeliveryDoc> => {
      const found = await deps.alertDeliveries.find(deliveryId);
      if (found === undefined) throw new Error('no delivery');
      return found;
    },
  };
}
