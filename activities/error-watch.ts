import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { AlertGroups, WatchedGroup } from '../db/alert-groups.js';
import { type AlertRuleDoc, type AlertRules, leastCountOf, ruleOf } from '../db/alert-rules.js';
import { type AlertDoc, alertId, type Alerts } from '../db/alerts.js';
import { utcDay } from '../domain/app.js';
import { BASELINE_DAYS, judgeRule, WINDOW_MINUTES } from '../domain/alert-rules.js';

export interface WatchErrorsInput {
  /** ISO 8601, taken in the workflow so that a retry judges as of the same instant. */
  readonly now: string;
}

export interface WatchedErrors {
  /** Groups that were judged. */
  readonly groups: number;
  /** Alerts that were not there before. */
  readonly alerts: number;
}

export interface WatchDeps {
  readonly alerts: Pick<Alerts, 'raise' | 'isRecent' | 'anyWaiting'>;
  readonly alertRules: Pick<AlertRules, 'enabled'>;
  readonly alertGroups: Pick<AlertGroups, 'watched'>;
  readonly wakeDispatch: () => Promise<void>;
}

const MINUTE_MS = 60_000;
/** Groups that were last seen longer ago were judged when they were. */
const SEEN_MINUTES = 15;
/** One more day than the baseline, for what of it lies before midnight, and one for the longest window. */
const DAYS_READ = { threshold: 1, spike: BASELINE_DAYS + 2 } as const;

export function watchActivities({ alerts, alertRules, alertGroups, wakeDispatch }: WatchDeps) {
  /** The first rule of each cause that fires, unless the group was alerted of that cause within the rule's window. */
  async function judge(group: WatchedGroup, rules: readonly AlertRuleDoc[], nowMs: number): Promise<AlertDoc[]> {
    const raised: AlertDoc[] = [];
    for (const rule of rules) {
      if (raised.some(({ cause }) => cause === rule.kind)) continue;
      const seen = judgeRule(ruleOf(rule), group.counts, { firstSeenMs: group.firstSeenMs, nowMs });
      if (seen === undefined) continue;
      const windowMs = rule.minutes * MINUTE_MS;
      // Of a rule with a longer window the alert may be called after an earlier beginning.
      const oldestMs = nowMs - windowMs - WINDOW_MINUTES.most * MINUTE_MS;
      if (await alerts.isRecent(group.id, rule.kind, new Date(nowMs - windowMs), oldestMs)) continue;
      raised.push({
        _id: alertId(group.id, rule.kind, Math.floor(nowMs / windowMs) * windowMs),
        appId: rule.appId,
        groupId: group.id,
        cause: rule.kind,
        at: new Date(nowMs),
        facts: { rule: rule.name, ruleId: rule._id.toHexString(), ...seen },
        state: 'new',
      });
    }
    return raised;
  }

  return {
    /** Judges the groups that were seen lately by the rules of their apps. Idempotent by the ids of the alerts. */
    async watchErrors({ now }: WatchErrorsInput): Promise<WatchedErrors> {
      const nowMs = Date.parse(now);
      const signal = cancellationSignal();
      const result = { groups: 0, alerts: 0 };
      for (const rules of byApp(await alertRules.enabled())) {
        const [{ appId }] = rules;
        const watch = {
          appId,
          seenSince: new Date(nowMs - SEEN_MINUTES * MINUTE_MS),
          leastCount: Math.min(...rules.map(leastCountOf)),
          firstDay: utcDay(nowMs) - Math.max(...rules.map(({ kind }) => DAYS_READ[kind])),
          lastDay: utcDay(nowMs),
        };
        for await (const groups of alertGroups.watched(watch)) {
          signal.throwIfAborted();
          heartbeat(result.groups);
          const raised = (await Promise.all(groups.map((group) => judge(group, rules, nowMs)))).flat();
          result.alerts += await alerts.raise(raised);
          result.groups += groups.length;
        }
      }
      return result;
    },

    /** For alerts whose wake was lost, and for those that were raised just now. */
    async wakeAlerts(): Promise<boolean> {
      const waiting = await alerts.anyWaiting();
      if (waiting) await wakeDispatch();
      return waiting;
    },
  };
}

type Rules = readonly [AlertRuleDoc, ...AlertRuleDoc[]];

/** They come with each app's together. */
function byApp(rules: readonly AlertRuleDoc[]): Rules[] {
  const apps = new Map<string, [AlertRuleDoc, ...AlertRuleDoc[]]>();
  for (const rule of rules) {
    const known = apps.get(rule.appId.toHexString());
    if (known) known.push(rule);
    else apps.set(rule.appId.toHexString(), [rule]);
  }
  return [...apps.values()];
}

export type WatchActivities = ReturnType<typeof watchActivities>;
