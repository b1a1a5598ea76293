import type { AlertChannelDoc, AlertChannels } from '../db/alert-channels.js';
import { type AlertDeliveries, type NewDelivery, newDelivery } from '../db/alert-deliveries.js';
import type { AlertCause, AlertDoc, Alerts } from '../db/alerts.js';
import { HOUR_MS } from '../domain/limits.js';
import { wakeEach } from './wake-each.js';

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
const ALERTS_A_LOOK = 2_000;
const DELIVERIES_A_ROUND = 200;
const ROWS_A_LOOK = 4_000;
/** Looks of one activity while nobody wants to know: each marks its alerts as told. */
const LOOKS = 10;

/** Of one cause on one channel: more than a person reads in an hour. What comes above it stands in the log and can be replayed. */
export const DELIVERIES_AN_HOUR = 120;

/** The status of these groups has changed without their workflow, which may have timers to set or to forget. */
const WAKES: ReadonlySet<AlertCause> = new Set<AlertCause>(['regression', 'snooze_ended']);

export function alertActivities(deps: AlertDeps) {
  const { alerts, alertChannels, alertDeliveries, now } = deps;

  /** Ids of the alerts whose group could not be woken. */
  async function wakeGroups(waiting: readonly AlertDoc[]): Promise<string[]> {
    const groupOf = ({ cause, groupId }: AlertDoc) => (WAKES.has(cause) ? groupId?.toHexString() : undefined);
    const groups = [...new Set(waiting.flatMap((alert) => groupOf(alert) ?? []))];
    const asleep = await wakeEach(groups, deps.wakeGroup);
    return waiting.filter((alert) => asleep.has(groupOf(alert) ?? '')).map(({ _id }) => _id);
  }

  /** For how many more of this cause there is room in this hour: many new errors must not hide one that is back. */
  async function roomIn({ _id }: AlertChannelDoc, cause: AlertCause): Promise<number> {
    const hourAgo = new Date(now() - HOUR_MS);
    return DELIVERIES_AN_HOUR - (await alertDeliveries.sentSince(_id, cause, hourAgo, DELIVERIES_AN_HOUR));
  }

  return {
    /**
     * The oldest alerts that nobody was told of, with a delivery for each channel that wants them. Those that no
     * channel wants are done with. Idempotent: a delivery is one per alert and channel.
     */
    async openAlerts(): Promise<OpenedAlerts> {
      const rooms = new Map<string, number>();
      // They wait on, and stand in nobody's way: the next run tries again.
      const asleep = new Set<string>();
      for (let look = 0; look < LOOKS; look++) {
        const waiting = await alerts.waiting(ALERTS_A_LOOK, [...asleep]);
        const channels = await alertChannels.enabledOf([
          ...new Map(waiting.map((a) => [String(a.appId), a.appId])).values(),
        ]);
        const taken: AlertDoc[] = [];
        const rows: NewDelivery[] = [];
        let pending = 0;
        for (const alert of waiting) {
          if (pending >= DELIVERIES_A_ROUND || rows.length >= ROWS_A_LOOK) break;
          taken.push(alert);
          for (const channel of channels.filter((each) => wants(each, alert))) {
            const key = `${channel._id.toHexString()}/${alert.cause}`;
            const room = rooms.get(key) ?? (await roomIn(channel, alert.cause));
            rooms.set(key, room - 1);
            if (room > 0) pending++;
            rows.push(newDelivery(alert, channel, room > 0 ? 'pending' : 'suppressed', new Date(now())));
          }
        }
        for (const id of await wakeGroups(taken)) asleep.add(id);
        const alertIds = taken.map(({ _id }) => _id).filter((id) => !asleep.has(id));
        const more = taken.length < waiting.length || waiting.length === ALERTS_A_LOOK;
        const opened = await alertDeliveries.open(rows.filter(({ alertId }) => !asleep.has(alertId)));
        const begun = new Set(opened.map(({ alertId }) => alertId));
        await alerts.told(alertIds.filter((id) => !begun.has(id)));
        if (opened.length > 0) {
          const deliveries = opened.map(({ _id, appId }) => ({ id: _id.toHexString(), app: appId.toHexString() }));
          return { alertIds: [...begun], deliveries, more };
        }
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
