import type { ClientSession, ObjectId } from 'mongodb';
import { type RolloutPlan, type RolloutState, isActive, holdMs } from '../domain/rollout.js';
import { metricSentence, nextStep, type RolloutView } from '../domain/rollout-view.js';
import { type Alerts, flagAlert } from './alerts.js';
import type {
  FlagRolloutDoc,
  FlagRollouts,
  RolloutChange,
  RolloutHistoryDoc,
  RolloutLookDoc,
} from './flag-rollouts.js';
import { viewOf } from './flag-rollout-state.js';
import type { RolloutRules } from './rollout-rules.js';

interface Deps {
  readonly rollouts: FlagRollouts;
  readonly rules: RolloutRules;
  readonly alerts: Pick<Alerts, 'raise'>;
}

export interface RolloutStepDeps extends Deps {
  readonly inTransaction: <T>(work: (session: ClientSession) => Promise<T>) => Promise<T>;
}

type Facts = Readonly<Record<string, unknown>>;

/** Who lets it go on: null for time. */
export interface By {
  readonly actor: ObjectId | null;
  readonly now: Date;
}

/** What may happen to a rollout's rule, each inside the transaction of whoever asks for it. */
export function rolloutMoves({ rollouts, rules, alerts }: Deps) {
  async function write(doc: FlagRolloutDoc, change: RolloutChange, session: ClientSession): Promise<FlagRolloutDoc> {
    const after = await rollouts.change(doc, change, session);
    // Read in this transaction, so only a conflict can be the reason: it begins again.
    if (after === null) throw new Error('the rollout changed within a transaction');
    return after;
  }

  const entry = ({ actor, now }: By, what: string, facts: Facts): RolloutHistoryDoc => ({
    at: now,
    actor,
    what,
    facts,
  });

  const end = (
    doc: FlagRolloutDoc,
    state: RolloutState,
    by: By,
    facts: Facts,
    session: ClientSession,
    more: Partial<RolloutChange> = {},
  ): Promise<FlagRolloutDoc> =>
    write(
      doc,
      {
        ...more,
        set: { state, until: null, leftMs: null, pausedFrom: null, endedAt: by.now, decision: facts, ...more.set },
        history: [entry(by, state, facts)],
      },
      session,
    );

  /** Somebody edited the rule: it is not ours any more until people say so. */
  async function ask(
    doc: FlagRolloutDoc,
    by: By,
    facts: Facts,
    session: ClientSession,
    look?: RolloutLookDoc,
  ): Promise<FlagRolloutDoc> {
    const why = 'the rule was edited by somebody while the rollout was on';
    const decision = { why, ...facts };
    const after = await write(
      doc,
      {
        set: { state: 'asking', until: null, leftMs: null, pausedFrom: null, decision },
        history: [entry(by, 'asking', decision)],
        ...(look && { look }),
      },
      session,
    );
    const { appId, flagKey, _id } = doc;
    const which = `${_id.toHexString()}/${String(after.rev)}`;
    const rolloutId = _id.toHexString();
    const alert = flagAlert({
      appId,
      flagKey,
      cause: 'rollout_paused',
      which,
      at: by.now,
      facts: { rolloutId, ...decision },
    });
    await alerts.raise([alert], session);
    return after;
  }

  /** What the rule's state means for a rollout that would go on; undefined: it is as the rollout left it. */
  async function stopped(doc: FlagRolloutDoc, by: By, session: ClientSession): Promise<FlagRolloutDoc | undefined> {
    const rule = await rules.read(doc, session);
    if (rule.is === 'killed') return end(doc, 'killed', by, { why: 'the kill switch was used' }, session);
    if (rule.is === 'gone') return end(doc, 'aborted', by, { why: 'the flag or its rule is gone' }, session);
    if (doc.windows.length === 0 || doc.state === 'asking') return undefined;
    if (rule.percentage === doc.percentage && rule.text === doc.ruleText) return undefined;
    return ask(doc, by, { percentage: rule.percentage }, session);
  }

  return {
    end,
    entry,
    write,
    stopped,

    /** The first step, the next one, or the end. */
    async goOn(doc: FlagRolloutDoc, by: By, session: ClientSession): Promise<FlagRolloutDoc> {
      const { plan, windows } = doc;
      const isStart = windows.length === 0;
      const rule = await rules.read(doc, session);
      const now = isStart && rule.is === 'there' ? { ...doc, percentage: rule.percentage, ruleText: rule.text } : doc;
      const changed = await stopped(now, by, session);
      if (changed !== undefined) return changed;

      const next = nextStep(plan, now.percentage);
      if (next === undefined && isStart)
        return end(doc, 'aborted', by, { why: `the rule is at ${String(now.percentage)} % already` }, session);
      if (next === undefined) return end(doc, 'done', by, { why: 'all steps are done' }, session);
      const { index, step } = next;
      const written = await rules.setPercentage(
        { rollout: now, to: step.percent, what: stepName(plan, index) },
        session,
      );
      if (written !== 'done') return (await stopped(now, by, session)) ?? ask(now, by, {}, session);
      return write(
        now,
        {
          set: {
            state: 'running',
            step: index,
            percentage: step.percent,
            ruleText: now.ruleText,
            ...(isStart && { percentageBefore: now.percentage }),
            windows: [...windows, { step: index, percent: step.percent, since: by.now }],
            until: new Date(by.now.getTime() + holdMs(step)),
            pausedFrom: null,
            leftMs: null,
            decision: null,
          },
          history: [entry(by, 'step', { step: index, from: now.percentage, to: step.percent })],
        },
        session,
      );
    },

    /** Harm: back to where the rule was, and people are told. */
    async revert(doc: FlagRolloutDoc, look: RolloutLookDoc, by: By, session: ClientSession): Promise<FlagRolloutDoc> {
      const metric = look.metrics.find(({ name }) => name === look.harm);
      const seen = metric === undefined ? String(look.harm) : metricSentence(metric);
      const facts: Facts = { metric: look.harm, percent: look.percent, looks: doc.lookCount + 1, ...metric };
      const to = doc.percentageBefore;
      const written = await rules.setPercentage(
        { rollout: doc, to, what: `reverted at ${String(look.percent)} %` },
        session,
      );
      if (written === 'edited') return ask(doc, by, { ...facts, harm: seen }, session, look);
      if (written !== 'done') {
        const state = written === 'killed' ? 'killed' : 'aborted';
        return end(doc, state, by, { ...facts, why: `${seen}; the rule was ${written} meanwhile` }, session, { look });
      }
      const why = `${seen}, at ${String(look.percent)} %; back to ${String(to)} %`;
      const after = await end(doc, 'reverted', by, { ...facts, why }, session, { set: { percentage: to }, look });
      const { appId, flagKey, _id } = doc;
      const rolloutId = _id.toHexString();
      const { at } = look;
      const alert = flagAlert({
        appId,
        flagKey,
        cause: 'rollout_reverted',
        which: rolloutId,
        at,
        facts: { rolloutId, ...facts, why },
      });
      await alerts.raise([alert], session);
      return after;
    },
  };
}

const stepName = ({ steps }: RolloutPlan, index: number): string =>
  `step ${String(index + 1)} of ${String(steps.length)}`;

export interface RolloutDueInput {
  readonly rolloutId: ObjectId;
  readonly now: Date;
}

/** What time does to rollouts. Each reads the rollout as it is now: too late, twice, or after its end, it does nothing. */
export function flagRolloutSteps({ inTransaction, ...deps }: RolloutStepDeps) {
  const { rollouts } = deps;
  const moves = rolloutMoves(deps);

  return {
    async view(rolloutId: ObjectId): Promise<RolloutView | null> {
      const doc = await rollouts.find(rolloutId);
      return doc === undefined ? null : viewOf(doc);
    },

    /** Takes the next step if it is due for this revision. */
    goOn: ({ rolloutId, now, rev }: RolloutDueInput & { readonly rev: number }): Promise<RolloutView | null> =>
      inTransaction(async (session) => {
        const doc = await rollouts.find(rolloutId, session);
        if (doc === undefined) return null;
        if (doc.rev !== rev || !isActive(doc.state)) return viewOf(doc);
        return viewOf(await moves.goOn(doc, { actor: null, now }, session));
      }),

    /** What a look saw: harm reverts, a rule that is not as it was left stops, the rest is kept. */
    noteLook: (rolloutId: ObjectId, look: RolloutLookDoc): Promise<RolloutView | null> =>
      inTransaction(async (session) => {
        const doc = await rollouts.find(rolloutId, session);
        if (doc === undefined) return null;
        const by: By = { actor: null, now: look.at };
        if (!isActive(doc.state) || doc.windows.length - 1 !== look.window) return viewOf(doc);
        const changed = await moves.stopped(doc, by, session);
        if (changed !== undefined || doc.state === 'asking')
          return viewOf(changed ?? (await moves.write(doc, { set: {}, look }, session)));
        if (look.harm !== null) return viewOf(await moves.revert(doc, look, by, session));
        const state = stateAfter(doc, look);
        const told = state === doc.state ? [] : [moves.entry(by, state, { hold: look.hold, detail: look.detail })];
        return viewOf(await moves.write(doc, { set: { state }, look, history: told }, session));
      }),
  };
}

export type FlagRolloutSteps = ReturnType<typeof flagRolloutSteps>;

/** A sample grows by itself while the step's time runs; all else that holds a rollout back is shown at once. */
function stateAfter({ state, until }: FlagRolloutDoc, { hold, at }: RolloutLookDoc): RolloutState {
  if (state !== 'running' && state !== 'holding') return state;
  const isOver = until !== null && until <= at;
  return hold !== null && (isOver || hold !== 'sample') ? 'holding' : isOver ? state : 'running';
}
