import type { Client } from '@temporalio/client';
import type { ErrorGroupActivities } from '../activities/error-groups.js';
import type { GroupPlan } from '../db/error-timers.js';
import type { VerbOutcome } from '../db/error-verb-state.js';
import type { ErrorVerb, VerbMessage } from '../domain/error-verb.js';
import { ERROR_AUTO_RESOLVE_ID, errorAutoResolve } from '../workflows/error-auto-resolve.js';
import { errorGroup, errorGroupRun, errorGroupWake, verbSignal, verbUpdate } from '../workflows/error-group.js';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.js';

interface Recording {
  readonly client: Client;
  /** Writes down the run whose workflow id `run` gives. */
  readonly record: (
    name: string,
    activities: Partial<ErrorGroupActivities>,
    run: (taskQueue: string) => Promise<string>,
  ) => Promise<void>;
}

const messageOf = (verb: ErrorVerb): VerbMessage => ({ actor: 'c'.repeat(24), requestId: verb.name, verb });

/** What people and time do to an error group, and quiet groups: for `record-histories.ts`. */
export async function recordGroups({ client, record }: Recording): Promise<void> {
  const groupIds = ['a', 'b'].map((digit) => digit.repeat(24));
  const [people, time] = groupIds as [string, string];
  const planned = (plan: Partial<GroupPlan>): GroupPlan => ({
    app: 'shop',
    status: 'new',
    statusRev: 1,
    ignoreUntilMs: null,
    remindAtMs: null,
    proveSinceMs: null,
    moving: false,
    ...plan,
  });
  const outcome: VerbOutcome = {
    outcome: 'done',
    changed: true,
    state: {
      groupId: people,
      status: 'new',
      statusRev: 1,
      assignee: null,
      mergedInto: null,
      merging: false,
      resolution: null,
      ignore: null,
      regressedAt: null,
      verifiedAt: null,
      occurrenceCount: 1,
      affectedProfiles: 1,
    },
    moves: [],
  };
  const wake = async (groupId: string, taskQueue: string) => {
    const handle = await client.workflow.signalWithStart(errorGroup, { ...errorGroupWake(groupId), taskQueue });
    await handle.result();
    return handle.workflowId;
  };

  // People: updates, a signal, one that is refused, a merge with profiles to be moved, a wake after which it is gone.
  await record(
    'error-group.people',
    {
      planGroup: async () => planned({ status: 'gone' }),
      applyVerb: async ({ message: { verb } }) =>
        verb.name === 'reopen'
          ? {
              outcome: { outcome: 'refused', code: 'TRANSITION_REFUSED', reason: 'merged', survivor: time },
              plan: planned({}),
            }
          : { outcome: { ...outcome, moves: verb.name === 'merge' ? [people] : [] }, plan: planned({}) },
      moveProfiles: async () => 3,
    },
    async (taskQueue) => {
      const handle = await client.workflow.signalWithStart(errorGroup, {
        ...errorGroupRun(people),
        taskQueue,
        signal: verbSignal('comment'),
        signalArgs: [messageOf({ name: 'comment', text: 'first' })],
      });
      for (const verb of [{ name: 'investigate' }, { name: 'reopen' }, { name: 'merge', into: time }] as const) {
        await handle.executeUpdate(verbUpdate(verb.name), { args: [messageOf(verb)] });
      }
      return wake(people, taskQueue);
    },
  );

  // Time: an ignore ends, the assignee is reminded, a fix is proved, and the group is gone.
  await record(
    'error-group.time',
    {
      planGroup: async () => planned({ status: 'ignored', ignoreUntilMs: Date.now() + 500 }),
      endIgnore: async () => planned({ statusRev: 2, remindAtMs: Date.now() + 500 }),
      remindAssignee: async () =>
        planned({ status: 'resolved', statusRev: 3, proveSinceMs: Date.now() - 30 * 60_000 + 500 }),
      proveFix: async () => planned({ status: 'gone' }),
    },
    (taskQueue) => wake(time, taskQueue),
  );

  await record(
    'error-auto-resolve',
    { resolveQuietGroups: async () => [{ appId: 'shop', resolved: 3 }] },
    async (taskQueue) => {
      const workflowId = ERROR_AUTO_RESOLVE_ID;
      const typedSearchAttributes = [{ key: SEARCH_ATTRIBUTES.kind, value: workflowId }];
      await client.workflow.execute(errorAutoResolve, {
        taskQueue,
        workflowId,
        typedSearchAttributes,
      });
      return workflowId;
    },
  );
}
