import { ObjectId } from 'mongodb';
import { PlatformError } from '../domain/errors.js';
import type { AlertRule } from '../domain/alert-rules.js';
import { type AlertRuleDoc, type AlertRules, ruleOf } from './alert-rules.js';
import type { Actor, Audited } from './audit.js';

interface Deps {
  readonly audited: Audited;
  readonly alertRules: AlertRules;
}

interface RuleCreation {
  readonly actor: Actor;
  readonly appId: ObjectId;
  readonly name: string;
  readonly enabled: boolean;
  readonly rule: AlertRule;
}

interface RuleTarget {
  readonly actor: Actor;
  readonly appId: ObjectId;
  readonly ruleId: ObjectId;
}

interface RuleEdit extends RuleTarget {
  readonly name?: string | undefined;
  readonly enabled?: boolean | undefined;
  readonly rule?: AlertRule | undefined;
}

/** Two that are made at the same moment may exceed it by one, which hurts nobody. */
const MOST_RULES = 20;

const ruleFacts = (doc: AlertRuleDoc) => ({ name: doc.name, enabled: doc.enabled, ...ruleOf(doc) });

/** What may happen to an app's alert rules, each with its audit entry. */
export function alertRuleChanges({ audited, alertRules }: Deps) {
  const entry = (
    action: string,
    { actor, appId }: Pick<RuleTarget, 'actor' | 'appId'>,
    id: ObjectId,
    [before, after]: readonly [AlertRuleDoc | null, AlertRuleDoc | null],
  ) => ({
    appId,
    actor,
    action,
    target: { kind: 'alert-rule', id },
    before: before && ruleFacts(before),
    after: after && ruleFacts(after),
  });

  return {
    /** @throws CONFLICT when the app has as many as it may. */
    create(input: RuleCreation): Promise<AlertRuleDoc> {
      return audited(async (session) => {
        const { length } = await alertRules.ofApp(input.appId, session);
        if (length >= MOST_RULES) {
          throw new PlatformError('CONFLICT', `an app has at most ${String(MOST_RULES)} alert rules`);
        }
        const { appId, name, enabled, rule } = input;
        const doc: AlertRuleDoc = { _id: new ObjectId(), appId, name, enabled, ...rule, createdAt: new Date() };
        await alertRules.insert(session, doc);
        return { result: doc, entry: entry('alert-rule.created', input, doc._id, [null, doc]) };
      });
    },

    /** @throws NOT_FOUND, or CONFLICT when it would become a rule of another kind. */
    change(input: RuleEdit): Promise<AlertRuleDoc> {
      return audited(async (session) => {
        const before = found(await alertRules.findIn(session, input.appId, input.ruleId));
        if (input.rule !== undefined && input.rule.kind !== before.kind) {
          throw new PlatformError('CONFLICT', `this rule is a ${before.kind}; make another one instead`);
        }
        const { name = before.name, enabled = before.enabled } = input;
        const after: AlertRuleDoc = { ...before, ...input.rule, name, enabled };
        if (JSON.stringify(ruleFacts(after)) === JSON.stringify(ruleFacts(before))) return { result: before };
        await alertRules.replace(session, after);
        return { result: after, entry: entry('alert-rule.changed', input, before._id, [before, after]) };
      });
    },

    /** @throws NOT_FOUND */
    remove(input: RuleTarget): Promise<void> {
      return audited(async (session) => {
        const before = found(await alertRules.findIn(session, input.appId, input.ruleId));
        await alertRules.remove(session, before._id);
        return { result: undefined, entry: entry('alert-rule.removed', input, before._id, [before, null]) };
      });
    },
  };
}

function found(rule: AlertRuleDoc | undefined): AlertRuleDoc {
  if (rule === undefined) throw new PlatformError('NOT_FOUND', 'no such alert rule in this app');
  return rule;
}

export type AlertRuleChanges = ReturnType<typeof alertRuleChanges>;
