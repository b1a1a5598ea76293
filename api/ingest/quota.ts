import type { App } from '../../db/apps.js';
import type { Usage, UsageCategory } from '../../db/usage.js';
import { type AppConfig, utcDay } from '../../domain/app.js';
import { PlatformError } from '../../domain/errors.js';
import { DAY_MS } from '../../domain/limits.js';
import { patiently } from '../patience.js';
import { repeating } from '../repeating.js';

interface Count {
  readonly app: App;
  readonly day: number;
  /** Of all processes, as last read. */
  stored: number;
  /** Of this process, not begun to be written. */
  pending: number;
  /** Of this process, and not known to be among what is stored. */
  writing: number;
}

interface Deps {
  readonly usage: Pick<Usage, 'add'>;
  readonly category: UsageCategory;
  readonly mostOf: (config: AppConfig) => number;
  readonly now?: () => number;
  readonly log?: { error(facts: object, message: string): void };
}

const SYNC_MS = 1_000;

/** Tenths of a day's quota that are kept from a sender, so that one visitor cannot use up the day of all others. */
export const KEPT = { fromServerKeys: 0, fromClientKeys: 1, fromAddressesThatSentMuch: 2 } as const;
export type Kept = (typeof KEPT)[keyof typeof KEPT];
const MOST_KEPT = KEPT.fromAddressesThatSentMuch;

/**
 * The daily quota of each app. Processes share their counts once a second, so what is known is at most that old; a
 * batch that crosses the line is taken.
 */
export function dailyQuota({ usage, category, mostOf, now = Date.now, log }: Deps) {
  let counts = new Map<string, Count>();

  const sync = async (count: Count): Promise<void> => {
    const { pending } = count;
    count.pending = 0;
    count.writing += pending;
    try {
      const total = await usage.add(count.app.id, count.day, category, pending);
      count.stored = Math.max(count.stored, total);
    } catch (error) {
      count.pending += pending;
      throw error;
    } finally {
      count.writing -= pending;
    }
  };

  const today = () => utcDay(now());

  const open = async (app: App): Promise<Count> => {
    const count = { app, day: today(), stored: 0, pending: 0, writing: 0 };
    try {
      await patiently(sync(count));
    } catch (cause) {
      throw new PlatformError('UNAVAILABLE', 'the quota cannot be read now', { cause, retryAfterSeconds: 2 });
    }
    const id = app.id.toHexString();
    const known = counts.get(id);
    if (known?.day === count.day) return known;
    counts.set(id, count);
    return count;
  };

  const judge = (count: Count, app: App, keptFrom: () => Kept): void => {
    const most = mostOf(app.config);
    const used = count.stored + count.writing + count.pending;
    const tenth = Math.floor(most / 10);
    // Who sends matters to nobody while there is enough for all.
    if (used < most - MOST_KEPT * tenth) return;
    const kept = keptFrom();
    if (used < most - kept * tenth) return;
    const retryAfterSeconds = Math.ceil(((count.day + 1) * DAY_MS - now()) / 1000);
    const parts = kept === 0 ? '' : `, but for ${String(kept * 10)} % that are kept for others`;
    throw new PlatformError('QUOTA_EXCEEDED', `the daily quota of ${String(most)} ${category} is used up${parts}`, {
      retryAfterSeconds,
    });
  };

  const known = (app: App): Count | undefined => {
    const count = counts.get(app.id.toHexString());
    return count?.day === today() ? count : undefined;
  };

  const syncAll = (): void => {
    for (const count of counts.values()) sync(count).catch(() => undefined);
    // Yesterday's are written once more above and then forgotten.
    counts = new Map([...counts].filter(([, count]) => count.day === today()));
  };
  const syncing = repeating(SYNC_MS, syncAll, (err) => log?.error({ err, category }, 'the quota was not shared'));

  return {
    mostOf: ({ config }: App): number => mostOf(config),

    /** @throws PlatformError QUOTA_EXCEEDED until the next UTC day */
    check(app: App, keptFrom: () => Kept = () => KEPT.fromServerKeys): undefined | Promise<void> {
      const count = known(app);
      if (count === undefined) return open(app).then((opened) => judge(opened, app, keptFrom));
      judge(count, app, keptFrom);
      return undefined;
    },

    add(app: App, items: number): void {
      const count = known(app);
      if (count) count.pending += items;
    },

    async stop(): Promise<void> {
      await syncing.stop();
      await Promise.allSettled([...counts.values()].map(sync));
    },
  };
}

export type DailyQuota = ReturnType<typeof dailyQuota>;
