import type { ClientSession } from 'mongodb';
import type { FlagRule } from '../domain/flag.js';
import type { Actor, AuditLog } from './audit.js';
import { flagFacts } from './flag-content.js';
import { type FlagRevisions, revisionsOf } from './flag-revisions.js';
import type { FlagStates } from './flag-states.js';
import type { FlagDoc, Flags } from './flags.js';
import type { FlagRolloutDoc } from './flag-rollouts.js';

interface Deps {
  readonly flags: Pick<Flags, 'find' | 'put'>;
  readonly flagStates: Pick<FlagStates, 'next'>;
  readonly flagRevisions: Pick<FlagRevisions, 'append'>;
  readonly audit: Pick<AuditLog, 'append'>;
}

type RuleName = Pick<FlagRolloutDoc, 'appId' | 'flagKey' | 'ruleId'>;

export type RuleState =
  | {
      readonly is: 'there';
      readonly percentage: number;
      /** The rule but for its percentage: two with the same text are the same. */
      readonly text: string;
    }
  | { readonly is: 'killed' }
  | { readonly is: 'gone' };

export interface NewPercentage {
  readonly rollout: FlagRolloutDoc;
  readonly to: number;
  /** For people: `step 2 of 4`. */
  readonly what: string;
}

export type PercentageOutcome = 'done' | 'edited' | 'killed' | 'gone';

const SYSTEM: Actor = { kind: 'system', id: null, name: 'rollout' };

/** The one rule that a rollout may touch, and the one thing of it. Only inside the rollout's own transactions. */
export function rolloutRules({ flags, flagStates, flagRevisions, audit }: Deps) {
  async function find({ appId, flagKey, ruleId }: RuleName, session: ClientSession) {
    const flag = await flags.find(appId, flagKey, session);
    const rule = flag?.rules.find((each) => each.ruleId === ruleId);
    if (flag === undefined || rule === undefined || (flag.archivedAt ?? null) !== null) return undefined;
    return { flag, rule };
  }

  return {
    async read(name: RuleName, session: ClientSession): Promise<RuleState> {
      const found = await find(name, session);
      if (found === undefined) return { is: 'gone' };
      if ((found.flag.killedAt ?? null) !== null) return { is: 'killed' };
      return { is: 'there', percentage: found.rule.rolloutPercentage, text: textOf(found.rule) };
    },

    /**
     * Sets the percentage where the rule is exactly what the rollout has left and the kill switch is off. What else
     * was edited of the flag does not matter: people are hurt while a revert waits.
     */
    async setPercentage({ rollout, to, what }: NewPercentage, session: ClientSession): Promise<PercentageOutcome> {
      const { app, ruleId } = rollout;
      const at = new Date();
      const found = await find(rollout, session);
      if (found === undefined) return 'gone';
      const { flag, rule } = found;
      if ((flag.killedAt ?? null) !== null) return 'killed';
      if (rule.rolloutPercentage !== rollout.percentage || textOf(rule) !== rollout.ruleText) return 'edited';
      if (rule.rolloutPercentage === to) return 'done';

      const appVersion = await flagStates.next(session, rollout.appId, app, at);
      const rules = flag.rules.map((each) => (each.ruleId === ruleId ? { ...each, rolloutPercentage: to } : each));
      const after: FlagDoc = { ...flag, rules, updatedAt: at, version: (flag.version ?? 1) + 1 };
      const note = `rollout ${rollout._id.toHexString()}, ${what}`;
      const action = 'flag.changed';
      await flags.put(session, [after]);
      await flagRevisions.append(
        session,
        revisionsOf({ action, before: flag, after }, { actor: SYSTEM, note }, appVersion),
      );
      await audit.append(session, {
        appId: rollout.appId,
        actor: SYSTEM,
        action,
        target: { kind: 'flag', id: flag._id },
        before: flagFacts(flag),
        after: { ...flagFacts(after), appVersion },
        note,
      });
      return 'done';
    },
  };
}

export type RolloutRules = ReturnType<typeof rolloutRules>;

const textOf = (rule: FlagRule): string => JSON.stringify({ ...rule, rolloutPercentage: 0 }, inOrder);

/** Whoever writes a rule may write its fields in another order. */
const inOrder = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
