import type { AlertChannelDoc, AlertChannels } from '../db/alert-channels.js';
import { type AlertDeliveries, type NewDelivery, newDelivery } from '../db/alert-deliveries.js';
import type { AlertCause, AlertDoc, Alerts } from '../db/alerts.js';
import { HOUR_MS } from '../domain/limits.js';

export interface OpenedAlerts {
  /** To be closed once their deliveries have begun. */
  readonly alertIds: readonly string[];
  /** Deliveries to begin, and of which app. */
  readonly deliveries: readonly { readonly id: string; readonly app: string }[];
  /** Whether there may be more. */
  readonly more: boolean;
}

export interface CloseAlertsInput {
  readonly alertIds: readonly string[];
}

export interface AlertDeps {
  readonly alerts: Pick<Alerts, 'waiting' | 'told'>;
  readonly alertChannels: Pick<AlertChannels, 'enabledOf'>;
  readonly alertDeliveries: Pick<AlertDeliveries, 'open' | 'sentSince'>;
  /** Tells the group's workflow that its status has changed without it. */
  readonly wakeGroup: (groupId: string) => Promise<void>;
  readonly now: () => number;
}

/** Alerts looked at at once, and deliveries from which on no more are. */
const ALERTS_A_LOOK = 500;
const DELIVERIES_A_ROUND = 200;
/** Looks of one activity while nobody wants to know: each marks its alerts as told. */
const LOOKS = 10;
const GROUPS_AT_ONCE = 20;

/** More than a person reads in an hour. What comes above it stands in the log and can be replayed. */
export const DELIVERIES_AN_HOUR = 120;

/** The status of these groups has changed without their workflow, which may have timers to set or to forget. */
const WAKES: ReadonlySet<AlertCause> = new Set<AlertCause>(['regression', 'snooze_ended']);

export function alertActivities(deps: AlertDeps) {
  const { alerts, alertChannels, alertDeliveries, now } = deps;

  async function wakeGroups(waiting: readonly AlertDoc[]): Promise<void> {
    const woken = waiting.filter(({ cause }) => WAKES.has(cause)).map(({ groupId }) => groupId.toHexString());
    const groups = [...new Set(woken)];
    for (let at = 0; at < groups.length; at += GROUPS_AT_ONCE) {
      await Promise.all(groups.slice(at, at + GROUPS_AT_ONCE).map(deps.wakeGroup));
    }
  }

  /** For how many more there is room in this hour. */
  async function roomIn(channel: AlertChannelDoc): Promise<number> {
    const hourAgo = new Date(now() - HOUR_MS);
    return DELIVERIES_AN_HOUR - (await alertDeliveries.sentSince(channel._id, hourAgo, DELIVERIES_AN_HOUR));
  }

  return {
    /**
     * The oldest alerts that nobody was told of, with a delivery for each channel that wants them. Those that no
     * channel wants are done with. Idempotent: a delivery is one per alert and channel.
     */
    async openAlerts(): Promise<OpenedAlerts> {
      const rooms = new Map<string, number>();
      for (let look = 0; look < LOOKS; look++) {
        const waiting = await alerts.waiting(ALERTS_A_LOOK);
        const channels = await alertChannels.enabledOf([
          ...new Map(waiting.map((a) => [String(a.appId), a.appId])).values(),
        ]);
        const taken: AlertDoc[] = [];
        const rows: NewDelivery[] = [];
        for (const alert of waiting) {
          if (rows.length >= DELIVERIES_A_ROUND) break;
          taken.push(alert);
          for (const channel of channels.filter((each) => wants(each, alert))) {
            const key = channel._id.toHexString();
            const room = rooms.get(key) ?? (await roomIn(channel));
            rooms.set(key, room - 1);
            rows.push(newDelivery(alert, channel, room > 0 ? 'pending' : 'suppressed', new Date(now())));
          }
        }
        await wakeGroups(taken);
        const alertIds = taken.map(({ _id }) => _id);
        const more = taken.length < waiting.length || waiting.length === ALERTS_A_LOOK;
        const opened = await alertDeliveries.open(rows);
        if (opened.length > 0) {
          const deliveries = opened.map(({ _id, appId }) => ({ id: _id.toHexString(), app: appId.toHexString() }));
          return { alertIds, deliveries, more };
        }
        await alerts.told(alertIds);
        if (!more) return { alertIds: [], deliveries: [], more: false };
      }
      return { alertIds: [], deliveries: [], more: true };
    },

    /** Idempotent. */
    async closeAlerts({ alertIds }: CloseAlertsInput): Promise<void> {
      await alerts.told(alertIds);
    },
  };
}

const wants = (channel: AlertChannelDoc, { appId, cause }: AlertDoc): boolean =>
  channel.appId.equals(appId) && channel.causes.includes(cause);

export type AlertActivities = ReturnType<typeof alertActivities>;
