import type { Db, MongoClient } from 'mongodb';
import { alertChannelChanges } from '../db/alert-channel-changes.js';
import { alertChannels } from '../db/alert-channels.js';
import { alertDeliveries } from '../db/alert-deliveries.js';
import { alertFlags } from '../db/alert-flags.js';
import { alertGroups } from '../db/alert-groups.js';
import { alertRules } from '../db/alert-rules.js';
import { alertSecrets } from '../db/alert-secrets.js';
import { alerts } from '../db/alerts.js';
import { apps } from '../db/apps.js';
import { audited, auditLog } from '../db/audit.js';
import type { DeliveryDeps } from './alert-deliveries.js';
import type { AlertDeps } from './alerts.js';
import type { WatchDeps } from './error-watch.js';
import { mailSender } from './mail.js';
import { webhookSender } from './webhook.js';

export interface AlertSettings {
  readonly secretKey: string;
  /** Undefined: no SMTP server, no e-mail. */
  readonly smtp: { readonly url: string; readonly from: string } | undefined;
  readonly webhookAllowPrivate: boolean;
  readonly publicUrl: string | undefined;
}

interface World extends AlertSettings, Pick<AlertDeps, 'wakeGroup'>, Pick<WatchDeps, 'wakeDispatch'> {
  readonly client: MongoClient;
  readonly db: Db;
  readonly now?: () => number;
}

/** All that alerts need, over one database. */
export function alertDeps(world: World): AlertDeps & DeliveryDeps & WatchDeps {
  const {
    client,
    db,
    secretKey,
    smtp,
    webhookAllowPrivate,
    publicUrl,
    wakeGroup,
    wakeDispatch,
    now = Date.now,
  } = world;
  const secrets = alertSecrets(secretKey);
  const channels = alertChannels(db);
  return {
    alerts: alerts(db),
    alertRules: alertRules(db),
    alertGroups: alertGroups(db),
    alertFlags: alertFlags(db),
    alertChannels: channels,
    alertChannelChanges: alertChannelChanges({
      audited: audited(client, auditLog(db)),
      alertChannels: channels,
      alertSecrets: secrets,
    }),
    alertDeliveries: alertDeliveries(db),
    alertSecrets: secrets,
    apps: apps(db),
    sendWebhook: webhookSender({ allowPrivate: webhookAllowPrivate }),
    sendMail: smtp && mailSender(smtp),
    publicUrl,
    wakeGroup,
    wakeDispatch,
    now,
  };
}
