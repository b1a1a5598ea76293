import {
  ActivityFailure,
  allHandlersFinished,
  condition,
  continueAsNew,
  defineSignal,
  defineUpdate,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { FlagRolloutActivities } from '../activities/flag-rollouts.js';
import type { RolloutOutcome } from '../db/flag-rollout-state.js';
import {
  isActive,
  openFault,
  type OpenMessage,
  ROLLOUT_VERBS,
  type RolloutMessage,
  rolloutMessageFault,
  type RolloutVerbName,
} from '../domain/rollout.js';
import { dueOf, nextStep, rolloutDetails, type RolloutDue, type RolloutView } from '../domain/rollout-view.js';
import { askedByPeople, mustBeSound, queue } from './asked-by-people.js';
import { SEARCH_ATTRIBUTES } from './search-attributes.js';

export interface FlagRolloutInput {
  /** Hex. */
  readonly rolloutId: string;
}

export const flagRolloutId = (rolloutId: string): string => `flag-rollout/${rolloutId}`;

/** The first message of a rollout: stores it, or says why not. */
export const openUpdate = defineUpdate<RolloutOutcome, [OpenMessage]>('open');
/** Each verb is an update, for who waits for the answer, and a signal, for who does not. */
export const rolloutUpdate = (verb: RolloutVerbName) => defineUpdate<RolloutOutcome, [RolloutMessage]>(verb);
export const rolloutSignal = (verb: RolloutVerbName) => defineSignal<[RolloutMessage]>(verb);

/** How a rollout's run is started and shown to ops, whoever starts it. */
export const flagRolloutRun = (rolloutId: string) => ({
  workflowId: flagRolloutId(rolloutId),
  args: [{ rolloutId }] as [FlagRolloutInput],
  typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.kind, value: 'flag-rollout' }],
  staticSummary: 'Raises the percentage of one rule in steps, and takes it back when it hurts',
});

/** Temporal's own limit is 2,000 updates a run; a quiet moment before that is used. */
const MESSAGES_A_RUN = 500;
/** What was due and still is: something is wrong, and asking at once would not mend it. */
const AGAIN_MS = 10_000;

const quick = proxyLocalActivities<Pick<FlagRolloutActivities, 'viewRollout'>>({
  startToCloseTimeout: '8 seconds',
  summary: 'Read where it stands',
});
const asked = { startToCloseTimeout: '8 seconds', scheduleToCloseTimeout: '10 minutes' } as const;
const { openRollout } = proxyActivities<Pick<FlagRolloutActivities, 'openRollout'>>({
  ...asked,
  summary: 'Store the rollout',
});

/** What a rollout does by itself, and what people do to it. It keeps no status: each step reads and writes MongoDB. */
export async function flagRollout({ rolloutId }: FlagRolloutInput): Promise<string> {
  let view: RolloutView | null | undefined;
  let shown = '';
  let listed = '';
  let messages = 0;
  let news = 0;
  let stalled = 0;
  const inTurn = queue();
  const now = () => new Date().toISOString();

  function take(next: RolloutView | null): void {
    news += 1;
    view = next;
    if (next === null) return;
    const text = rolloutDetails(next);
    if (text !== shown) setCurrentDetails(text);
    shown = text;
    const due = next.untilMs ?? (next.state === 'scheduled' ? next.startAtMs : null);
    const line = `${next.state} ${String(next.percentage)} ${String(due)}`;
    if (line === listed) return;
    listed = line;
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.apps, value: [next.app] },
      { key: SEARCH_ATTRIBUTES.status, value: next.state },
      { key: SEARCH_ATTRIBUTES.actor, value: next.createdBy },
      { key: SEARCH_ATTRIBUTES.dueAt, value: due === null ? null : new Date(due) },
    ]);
  }

  const carryOut = (message: RolloutMessage): Promise<RolloutOutcome> =>
    inTurn(async () => {
      const { name } = message.verb;
      const { applyRolloutVerb } = proxyActivities<Pick<FlagRolloutActivities, 'applyRolloutVerb'>>({
        ...asked,
        summary: `${name}, asked for by ${message.actor}`,
      });
      const { outcome, view: next } = await applyRolloutVerb({ rolloutId, now: now(), message });
      take(next);
      return outcome;
    });

  const onMessage = () => void (messages += 1);
  setHandler(
    openUpdate,
    (message) => {
      onMessage();
      return inTurn(async () => {
        const { outcome, view: next } = await openRollout({ rolloutId, now: now(), message });
        take(next);
        return outcome;
      });
    },
    { description: 'store the rollout', validator: (message: OpenMessage) => mustBeSound(openFault(message)) },
  );
  for (const verb of ROLLOUT_VERBS) {
    askedByPeople({
      name: verb,
      update: rolloutUpdate(verb),
      signal: rolloutSignal(verb),
      faultOf: (message: RolloutMessage) =>
        rolloutMessageFault(message) ?? (message.verb.name === verb ? undefined : `this is no ${verb}`),
      onMessage,
      carryOut,
      about: { rolloutId },
    });
  }

  // Unless the message that it was started with has seen to it.
  await inTurn(async () => {
    if (view === undefined) take(await quick.viewRollout({ rolloutId }));
  });

  for (;;) {
    const current: RolloutView | null = view ?? null;
    if (current === null || !isActive(current.state)) {
      await condition(allHandlersFinished);
      return current?.state ?? 'nothing';
    }
    const seen = news;
    const due = dueOf(current);
    const isFull = () => workflowInfo().continueAsNewSuggested || messages >= MESSAGES_A_RUN;
    const isNews = () => news !== seen || isFull();
    if (due === undefined) await condition(isNews);
    else {
      const least = stalled > 0 ? AGAIN_MS : 1;
      await condition(isNews, Math.max(least, due.atMs - Date.now()), { summary: summaryOf(due, current) });
    }
    await condition(allHandlersFinished);
    if (isFull()) await continueAsNew<typeof flagRollout>({ rolloutId });
    if (news !== seen || due === undefined) continue;

    await inTurn(async () => {
      const { rev } = current;
      // Somebody was quicker.
      if (view?.rev === rev) take(await actOn(due, current, { rolloutId, now: now() }));
      stalled = view?.rev === rev ? stalled + 1 : 0;
    });
  }
}

/** What has become due, under a name that says it. */
async function actOn(
  due: RolloutDue,
  view: RolloutView,
  input: { rolloutId: string; now: string },
): Promise<RolloutView | null> {
  const summary = summaryOf(due, view);
  const patient = { startToCloseTimeout: '1 minute', retry: { maximumInterval: '1 minute' }, summary } as const;
  if (due.what !== 'look') {
    const { stepRollout } = proxyActivities<Pick<FlagRolloutActivities, 'stepRollout'>>(patient);
    return stepRollout({ ...input, rev: view.rev });
  }
  const { lookAtRollout } = proxyActivities<Pick<FlagRolloutActivities, 'lookAtRollout'>>({
    ...patient,
    retry: { maximumAttempts: 3 },
  });
  try {
    return await lookAtRollout(input);
  } catch (error) {
    if (isCancellation(error) || !(error instanceof ActivityFailure)) throw error;
    const { noteFailedLook } = proxyActivities<Pick<FlagRolloutActivities, 'noteFailedLook'>>({
      ...patient,
      summary: 'Note that a look failed',
    });
    return noteFailedLook({ ...input, reason: error.cause?.message ?? error.message });
  }
}

function summaryOf({ what }: RolloutDue, { flagKey, plan, percentage, lookCount }: RolloutView): string {
  if (what === 'look') return `look ${String(lookCount + 1)} at ${flagKey}, ${String(percentage)} %`;
  const next = nextStep(plan, percentage);
  return next === undefined ? `the end of ${flagKey}` : `raise ${flagKey} to ${String(next.step.percent)} %`;
}
