import { createHash } from 'node:crypto';
import type { ClientSession, ObjectId } from 'mongodb';
import { roleAllows, roleIn, type Permission } from '../domain/member.js';
import {
  holdMs,
  type OpenMessage,
  ROLLOUT_BOUNDS,
  ROLLOUT_TRANSITIONS,
  type RolloutMessage,
  rolloutRefusal,
  type RolloutVerb,
} from '../domain/rollout.js';
import { nextStep } from '../domain/rollout-view.js';
import type { Apps } from './apps.js';
import type { AuditLog } from './audit.js';
import { isDuplicateKey } from './duplicate-key.js';
import type { FlagRolloutDoc, RolloutChange } from './flag-rollouts.js';
import { refusedRollout as refused, type RolloutOutcome, viewOf } from './flag-rollout-state.js';
import { type By, rolloutMoves, type RolloutStepDeps } from './flag-rollout-steps.js';
import { idFromHex } from './ids.js';
import { type Members, rightsOf } from './members.js';

interface Deps extends RolloutStepDeps {
  readonly members: Pick<Members, 'find'>;
  readonly apps: Pick<Apps, 'page'>;
  readonly audit: Pick<AuditLog, 'append'>;
}

interface Wish {
  readonly rolloutId: ObjectId;
  readonly now: Date;
}

/** Each is looked at once a minute, and for each answer that is served. */
const MOST_ACTIVE = 50;

const digestOf = (asked: unknown): string => createHash('sha256').update(JSON.stringify(asked)).digest('base64url');

/**
 * What people do to rollouts, each in one transaction with its audit entry: the rollout as it is now decides, and its
 * history has a row for it, which answers the request when it comes again.
 */
export function flagRolloutVerbs({ inTransaction, members, apps, audit, ...deps }: Deps) {
  const { rollouts, rules } = deps;
  const moves = rolloutMoves(deps);

  /** The name of somebody who may; undefined for anybody else. */
  async function nameOf(actor: ObjectId, appId: ObjectId, permission: Permission, session: ClientSession) {
    const member = await members.find(actor, session);
    const role = member === undefined ? undefined : roleIn(rightsOf(member), appId.toHexString());
    return member !== undefined && role !== undefined && roleAllows(role, permission) ? member.name : undefined;
  }

  const forbidden = () => refused('FORBIDDEN', 'your role in this app does not allow it');

  async function open({ rolloutId, now, message }: Wish & { readonly message: OpenMessage }, session: ClientSession) {
    const { actor: actorHex, requestId, request } = message;
    const { flagKey, ruleId, plan, startAtMs, note } = request;
    const actor = idFromHex(actorHex);
    const appId = idFromHex(request.appId);
    const name = await nameOf(actor, appId, 'flags:write', session);
    const [app] = await apps.page({ ids: [appId], limit: 1 });
    if (name === undefined || app === undefined) return forbidden();
    const asked = digestOf(request);
    const known = await rollouts.find(rolloutId, session);
    if (known !== undefined) return repeated(known, requestId, asked);

    const rule = await rules.read({ appId, flagKey, ruleId }, session);
    if (rule.is === 'gone') return refused('NOT_FOUND', 'there is no such flag, or no such rule in it');
    if (rule.is === 'killed') return refused('CONFLICT', 'the kill switch of the flag is on');
    if ((plan.steps[0]?.percent ?? 0) <= rule.percentage)
      return refused('REQUEST_INVALID', `the rule is at ${String(rule.percentage)} %: steps must rise above that`);
    if (startAtMs !== null && startAtMs > now.getTime() + ROLLOUT_BOUNDS.startAheadMs)
      return refused('REQUEST_INVALID', 'a rollout starts within a year');
    if ((await rollouts.activeIn(appId, session)) >= MOST_ACTIVE)
      return refused('CONFLICT', `an app has at most ${String(MOST_ACTIVE)} rollouts at once`);

    const doc: FlagRolloutDoc = {
      _id: rolloutId,
      appId,
      app: app.appId,
      flagKey,
      ruleId,
      plan,
      state: app.config.flags.approval ? 'proposed' : 'scheduled',
      active: true,
      rev: 1,
      percentageBefore: rule.percentage,
      percentage: rule.percentage,
      ruleText: rule.text,
      startAt: startAtMs === null ? null : new Date(startAtMs),
      step: -1,
      windows: [],
      until: null,
      pausedFrom: null,
      leftMs: null,
      lookCount: 0,
      looks: [],
      decision: null,
      history: [{ at: now, actor, what: 'created', facts: {}, requestId, answer: { asked, changed: true } }],
      note,
      createdBy: actor,
      createdAt: now,
      endedAt: null,
    };
    await rollouts.insert(doc, session);
    await append(doc, { actor, name, what: 'created', before: null, note }, session);
    return done(doc, true);
  }

  async function apply(
    { rolloutId, now, message }: Wish & { readonly message: RolloutMessage },
    session: ClientSession,
  ) {
    const { requestId, verb } = message;
    const actor = idFromHex(message.actor);
    const doc = await rollouts.find(rolloutId, session);
    if (doc === undefined) return refused('NOT_FOUND', 'there is no such rollout');
    const name = await nameOf(actor, doc.appId, verb.name === 'approve' ? 'flags:approve' : 'flags:write', session);
    if (name === undefined) return forbidden();
    const asked = digestOf(verb);
    if (doc.history.some((each) => each.requestId === requestId)) return repeated(doc, requestId, asked);

    const transition = ROLLOUT_TRANSITIONS[verb.name][doc.state];
    if (transition === 'refused') return refused('TRANSITION_REFUSED', rolloutRefusal(verb.name, doc.state));
    if (verb.name === 'approve' && transition !== 'unchanged' && doc.createdBy.equals(actor))
      return refused('FORBIDDEN', 'a second person has to approve: not the one who asked for it');
    const by = { actor, now };
    const after = transition === 'unchanged' ? doc : await carryOut(doc, verb, by, session);
    if ('outcome' in after) return after;
    const changed = after !== doc;
    const answered = await moves.write(
      after,
      { set: {}, history: [{ ...moves.entry(by, verb.name, {}), requestId, answer: { asked, changed } }] },
      session,
    );
    if (changed) await append(answered, { actor, name, what: PAST[verb.name], before: doc, note: null }, session);
    return done(answered, changed);
  }

  async function carryOut(
    doc: FlagRolloutDoc,
    verb: RolloutVerb,
    by: By,
    session: ClientSession,
  ): Promise<FlagRolloutDoc | RolloutOutcome> {
    const change = (set: RolloutChange['set']) => moves.write(doc, { set }, session);
    switch (verb.name) {
      case 'approve':
        return change({ state: 'scheduled' });
      case 'pause':
        return change({
          state: 'paused',
          pausedFrom: doc.state,
          leftMs: doc.until && Math.max(0, doc.until.getTime() - by.now.getTime()),
          until: null,
        });
      case 'resume':
        if (doc.state === 'asking') return takeOver(doc, by, session);
        return change({
          state: doc.pausedFrom ?? 'running',
          pausedFrom: null,
          leftMs: null,
          until: doc.leftMs === null ? null : new Date(by.now.getTime() + doc.leftMs),
        });
      case 'skip':
        return moves.goOn(doc, by, session);
      case 'abort':
        return abort(doc, verb.rule, by, session);
    }
  }

  /** The rule as somebody has edited it is the rollout's now, and the step it is at begins anew. */
  async function takeOver(
    doc: FlagRolloutDoc,
    by: By,
    session: ClientSession,
  ): Promise<FlagRolloutDoc | RolloutOutcome> {
    const rule = await rules.read(doc, session);
    if (rule.is !== 'there') return (await moves.stopped(doc, by, session)) ?? doc;
    if (doc.windows.length >= ROLLOUT_BOUNDS.windows)
      return refused('CONFLICT', 'the percentage changed too often for one rollout: abort it and begin another');
    const { steps } = doc.plan;
    const next = nextStep(doc.plan, rule.percentage)?.index ?? steps.length;
    const index = Math.max(0, next - 1);
    const step = steps[index];
    return moves.write(
      doc,
      {
        set: {
          state: 'running',
          step: index,
          percentage: rule.percentage,
          ruleText: rule.text,
          windows: [...doc.windows, { step: index, percent: rule.percentage, since: by.now }],
          until: new Date(by.now.getTime() + (step === undefined ? 0 : holdMs(step))),
          decision: null,
        },
        history: [moves.entry(by, 'taken_over', { percentage: rule.percentage })],
      },
      session,
    );
  }

  /** What somebody else has edited or killed stays as they left it. */
  async function abort(doc: FlagRolloutDoc, rule: 'back' | 'leave', by: By, session: ClientSession) {
    const to = doc.percentageBefore;
    const moved = doc.windows.length > 0 && doc.percentage !== to && doc.state !== 'asking';
    const written =
      rule === 'back' && moved ? await rules.setPercentage({ rollout: doc, to, what: 'aborted' }, session) : 'left';
    const isBack = written === 'done';
    const why = isBack ? `aborted, back to ${String(to)} %` : 'aborted, the rule stays as it is';
    return moves.end(doc, 'aborted', by, { why, rule: written }, session, isBack ? { set: { percentage: to } } : {});
  }

  interface Told {
    readonly actor: ObjectId;
    readonly name: string;
    readonly what: string;
    readonly before: FlagRolloutDoc | null;
    readonly note: string | null;
  }

  const append = (doc: FlagRolloutDoc, { actor, name, what, before, note }: Told, session: ClientSession) =>
    audit.append(session, {
      appId: doc.appId,
      actor: { kind: 'member', id: actor, name },
      action: `rollout.${what}`,
      target: { kind: 'rollout', id: doc._id },
      before: before && factsOf(before),
      after: factsOf(doc),
      ...(note !== null && { note }),
    });

  return {
    /** Stores a rollout, once per id. What is refused is an answer, and leaves no trace. */
    async open(wish: Wish & { readonly message: OpenMessage }): Promise<RolloutOutcome> {
      try {
        return await inTransaction((session) => open(wish, session));
      } catch (error) {
        if (isDuplicateKey(error, 'ruleId')) return refused('CONFLICT', 'another rollout of this rule is under way');
        throw error;
      }
    },

    /** Carries a verb out, once per request id. */
    apply: (wish: Wish & { readonly message: RolloutMessage }): Promise<RolloutOutcome> =>
      inTransaction((session) => apply(wish, session)),
  };
}

export type FlagRolloutVerbs = ReturnType<typeof flagRolloutVerbs>;

const PAST = { approve: 'approved', pause: 'paused', resume: 'resumed', skip: 'skipped', abort: 'aborted' } as const;

const done = (doc: FlagRolloutDoc, changed: boolean): RolloutOutcome => ({
  outcome: 'done',
  changed,
  rollout: viewOf(doc),
});

function repeated(doc: FlagRolloutDoc, requestId: string, asked: string): RolloutOutcome {
  const answer = doc.history.find((each) => each.requestId === requestId)?.answer;
  if (answer !== undefined && answer['asked'] !== asked)
    return refused('IDEMPOTENCY_KEY_REUSED', 'this request id was used for something else');
  return done(doc, answer?.['changed'] !== false);
}

const factsOf = ({ flagKey, ruleId, state, step, percentage, plan }: FlagRolloutDoc) => ({
  flagKey,
  ruleId,
  state,
  step,
  percentage,
  steps: plan.steps,
});
