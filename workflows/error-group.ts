import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineSignal,
  defineUpdate,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { ErrorGroupActivities } from '../activities/error-groups.js';
import type { GroupPlan } from '../db/error-timers.js';
import type { VerbOutcome } from '../db/error-verb-state.js';
import { ERROR_VERBS, type ErrorVerbName, messageFault, type VerbMessage } from '../domain/error-verb.js';
import { DAY_MS, HOUR_MS } from '../domain/limits.js';
import { askedByPeople, queue } from './asked-by-people.js';
import { SEARCH_ATTRIBUTES } from './search-attributes.js';

export interface ErrorGroupInput {
  /** Hex. */
  readonly groupId: string;
  /** When an earlier run has last looked whether the fix is proved. */
  readonly lookedAtMs?: number;
}

export const errorGroupId = (groupId: string): string => `error-group/${groupId}`;

/** Each verb is an update, for who waits for the answer, and a signal, for who does not. */
export const verbUpdate = (verb: ErrorVerbName) => defineUpdate<VerbOutcome, [VerbMessage]>(verb);
export const verbSignal = (verb: ErrorVerbName) => defineSignal<[VerbMessage]>(verb);
/** The group has changed without its workflow. */
const wakeSignal = defineSignal('wake');

/** How a group's run is started and shown to ops, whoever starts it. */
export function errorGroupRun(groupId: string) {
  return {
    workflowId: errorGroupId(groupId),
    args: [{ groupId }] as [ErrorGroupInput],
    typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.kind, value: 'error-group' }],
    staticSummary: 'What people and time do to one error group',
  };
}

/** For `signalWithStart`, when ingest has changed the group's status. */
export const errorGroupWake = (groupId: string) => ({
  ...errorGroupRun(groupId),
  signal: wakeSignal,
  signalArgs: [] as [],
});

const ENDS_AFTER_MS = 7 * DAY_MS;
const LOOK_EVERY_MS = HOUR_MS / 2;
const LOOK_LATER_EVERY_MS = 6 * HOUR_MS;
/** What was due and still is: something is wrong, and asking at once would not mend it. */
const AGAIN_MS = HOUR_MS / 12;
/** Temporal's own limit is 2,000 updates a run; a quiet moment before that is used. */
const MESSAGES_A_RUN = 500;

const quick = proxyLocalActivities<Pick<ErrorGroupActivities, 'applyVerb'>>({
  startToCloseTimeout: '8 seconds',
  scheduleToCloseTimeout: '10 minutes',
  summary: 'Carry out what somebody asks for',
});
const looking = proxyLocalActivities<Pick<ErrorGroupActivities, 'planGroup'>>({
  startToCloseTimeout: '8 seconds',
  summary: 'See what lies ahead',
});
const patient = { startToCloseTimeout: '1 minute', retry: { maximumInterval: '5 minutes' } } as const;
const { endIgnore } = proxyActivities<Pick<ErrorGroupActivities, 'endIgnore'>>({
  ...patient,
  summary: 'End the ignore',
});
const { remindAssignee } = proxyActivities<Pick<ErrorGroupActivities, 'remindAssignee'>>({
  ...patient,
  summary: 'Remind the assignee',
});
const { proveFix } = proxyActivities<Pick<ErrorGroupActivities, 'proveFix'>>({
  ...patient,
  summary: 'Look whether the fix is proved',
});
const { moveProfiles } = proxyActivities<Pick<ErrorGroupActivities, 'moveProfiles'>>({
  startToCloseTimeout: '6 hours',
  heartbeatTimeout: '2 minutes',
  retry: { maximumInterval: '5 minutes' },
  summary: 'Move profiles after a merge',
});

interface Next {
  readonly what: string;
  readonly atMs: number;
  readonly act: (input: { groupId: string; statusRev: number; now: string }) => Promise<GroupPlan>;
}

/** What people and time do to one group. It keeps no status: each step reads and writes MongoDB under a guard. */
export async function errorGroup({ groupId, lookedAtMs = 0 }: ErrorGroupInput): Promise<void> {
  let plan: GroupPlan | undefined;
  let shown = '';
  let messages = 0;
  let news = 0;
  let looked = lookedAtMs;
  let done = 0;
  const toMove = new Set<string>();
  const inTurn = queue();
  const now = () => new Date().toISOString();

  function take(next: GroupPlan): void {
    plan = next;
    news += 1;
    if (next.moving) toMove.add(groupId);
    const due = nextOf(next, looked);
    const text = detailsOf(next, due);
    if (text === shown) return;
    shown = text;
    setCurrentDetails(text);
    upsertSearchAttributes([
      { key: SEARCH_ATTRIBUTES.apps, value: next.app === '' ? [] : [next.app] },
      { key: SEARCH_ATTRIBUTES.status, value: next.status },
      { key: SEARCH_ATTRIBUTES.dueAt, value: due === undefined ? null : new Date(due.atMs) },
    ]);
  }

  let waiting: Promise<void> | undefined;
  /** However many ask before it begins: one answers them all. */
  const look = () =>
    (waiting ??= inTurn(async () => {
      waiting = undefined;
      take(await looking.planGroup({ groupId, now: now() }));
    }));

  const onMessage = () => void (messages += 1);
  for (const verb of ERROR_VERBS) {
    askedByPeople({
      name: verb,
      update: verbUpdate(verb),
      signal: verbSignal(verb),
      faultOf: (message: VerbMessage) =>
        messageFault(message) ?? (message.verb.name === verb ? undefined : `this is no ${verb}`),
      onMessage,
      carryOut: (message: VerbMessage): Promise<VerbOutcome> =>
        inTurn(async () => {
          const { outcome, plan: next } = await quick.applyVerb({ groupId, message, now: now() });
          if (outcome.outcome === 'done') for (const id of outcome.moves) toMove.add(id);
          take(next);
          return outcome;
        }),
      about: { groupId },
    });
  }
  setHandler(
    wakeSignal,
    async () => {
      onMessage();
      await look();
    },
    { description: 'the group has changed without its workflow' },
  );

  // Unless a message that was there before us has seen to it.
  await inTurn(async () => {
    if (plan === undefined) take(await looking.planGroup({ groupId, now: now() }));
  });

  for (;;) {
    if (toMove.size > 0) {
      const ids = [...toMove];
      await moveProfiles({ groupIds: ids });
      for (const id of ids) toMove.delete(id);
      continue;
    }
    // New plans, not messages: one that came before this may still be on its way to a plan.
    const seen = news;
    const isFull = () => workflowInfo().continueAsNewSuggested || messages >= MESSAGES_A_RUN;
    const next = plan === undefined ? undefined : nextOf(plan, looked);
    const soonest = next?.atMs === done ? AGAIN_MS : 1;
    const wait = next === undefined ? ENDS_AFTER_MS : Math.max(soonest, next.atMs - Date.now());
    const summary = next?.what ?? 'nobody comes any more';
    const woken = plan?.status !== 'gone' && (await condition(() => news !== seen || isFull(), wait, { summary }));

    await condition(allHandlersFinished);
    if (woken || news !== seen) {
      if (isFull() && toMove.size === 0) await continueAsNew<typeof errorGroup>({ groupId, lookedAtMs: looked });
      continue;
    }
    if (next === undefined) return;
    const { statusRev } = plan ?? { statusRev: 0 };
    if (next.act === proveFix) looked = Date.now();
    done = next.atMs;
    await inTurn(async () => take(await next.act({ groupId, statusRev, now: now() })));
  }
}

/** The first thing that lies ahead. */
function nextOf({ ignoreUntilMs, remindAtMs, proveSinceMs }: GroupPlan, lookedMs: number): Next | undefined {
  const ahead: Next[] = [];
  if (ignoreUntilMs !== null) ahead.push({ what: 'end of the ignore', atMs: ignoreUntilMs, act: endIgnore });
  if (remindAtMs !== null) ahead.push({ what: 'reminder', atMs: remindAtMs, act: remindAssignee });
  if (proveSinceMs !== null) {
    const last = Math.max(proveSinceMs, lookedMs);
    const every = last - proveSinceMs < DAY_MS ? LOOK_EVERY_MS : LOOK_LATER_EVERY_MS;
    ahead.push({ what: 'look at the fix', atMs: last + every, act: proveFix });
  }
  return ahead.sort((a, b) => a.atMs - b.atMs)[0];
}

/** Markdown, for the Temporal UI. */
function detailsOf({ app, status, statusRev }: GroupPlan, next: Next | undefined): string {
  const ahead = next === undefined ? 'Nothing is due.' : `Next: ${next.what}, ${new Date(next.atMs).toISOString()}.`;
  return `A group of ${app}: **${status}** (revision ${String(statusRev)}). ${ahead}`;
}
