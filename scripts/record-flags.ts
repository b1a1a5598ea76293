import type { Client } from '@temporalio/client';
import type { FlagPreviewActivities } from '../activities/flag-previews.js';
import type { FlagRequestActivities } from '../activities/flag-requests.js';
import type { FlagStaleActivities } from '../activities/flag-stale.js';
import type { FlagUsageActivities } from '../activities/flag-usage.js';
import type { WatchActivities } from '../activities/error-watch.js';
import { STATE_AFTER } from '../domain/flag-request.js';
import { flagPreview, flagPreviewRun } from '../workflows/flag-preview.js';
import { flagRequest, flagRequestRun, requestSignal, requestUpdate } from '../workflows/flag-request.js';
import { FLAG_STALE_ID, flagStale } from '../workflows/flag-stale.js';
import { flagUsage, flagUsageRun } from '../workflows/flag-usage.js';
import { SEARCH_ATTRIBUTES } from '../workflows/search-attributes.js';

type Activities = Partial<
  FlagPreviewActivities & FlagRequestActivities & FlagStaleActivities & FlagUsageActivities & WatchActivities
>;

interface Recording {
  readonly client: Client;
  readonly record: (name: string, activities: Activities, run: (taskQueue: string) => Promise<string>) => Promise<void>;
}

const id = (digit: string): string => digit.repeat(24);

/** What happens around flags before they are saved and while they live: for `record-histories.ts`. */
export async function recordFlags({ client, record }: Recording): Promise<void> {
  const preview = (previewId: string) => async (taskQueue: string) => {
    const handle = await client.workflow.start(flagPreview, { ...flagPreviewRun(previewId, 'shop'), taskQueue });
    await handle.result();
    return handle.workflowId;
  };
  const endPreview = async () => undefined;
  let looks = 2;
  await record(
    'flag-preview.waits',
    { beginPreview: async () => (looks-- > 0 ? 'busy' : 'begun'), walkPreview: async () => 12, endPreview },
    preview(id('a')),
  );
  await record('flag-preview.gone', { beginPreview: async () => 'gone' }, preview(id('b')));
  await record(
    'flag-preview.cancelled',
    { beginPreview: async () => 'busy', endPreview },
    async (taskQueue: string) => {
      const handle = await client.workflow.start(flagPreview, { ...flagPreviewRun(id('c'), 'shop'), taskQueue });
      await new Promise((resolve) => setTimeout(resolve, 700));
      await handle.cancel();
      await handle.result().catch(() => undefined);
      return handle.workflowId;
    },
  );

  const request = (digit: string, expiresInMs: number) =>
    flagRequestRun({ requestId: id(digit), expiresAtMs: Date.now() + expiresInMs }, 'shop');
  const DAY = 86_400_000;
  const settled = (state: 'applied' | 'expired') => async () => ({ outcome: 'done', state, reason: null }) as const;
  const activities: Activities = {
    lookAtRequest: async () => 'pending',
    decideRequest: async ({ verb, message }) =>
      message.comment === 'mine'
        ? { outcome: 'refused', code: 'FORBIDDEN', reason: 'a second person has to approve it' }
        : { outcome: 'done', state: STATE_AFTER[verb], reason: null },
    applyRequest: settled('applied'),
    expireRequest: settled('expired'),
  };
  const said = (comment: string) => ({ actor: id('1'), comment });

  await record('flag-request.approved', activities, async (taskQueue) => {
    const handle = await client.workflow.start(flagRequest, { ...request('a', DAY), taskQueue });
    await handle.executeUpdate(requestUpdate('approve'), { args: [said('mine')] });
    await handle.executeUpdate(requestUpdate('approve'), { args: [said('fine')] });
    await handle.result();
    return handle.workflowId;
  });
  await record('flag-request.rejected', activities, async (taskQueue) => {
    const handle = await client.workflow.signalWithStart(flagRequest, {
      ...request('b', DAY),
      taskQueue,
      signal: requestSignal('reject'),
      signalArgs: [said('no')],
    });
    await handle.result();
    return handle.workflowId;
  });
  await record('flag-request.expired', activities, async (taskQueue) => {
    const handle = await client.workflow.start(flagRequest, { ...request('c', 500), taskQueue });
    await handle.result();
    return handle.workflowId;
  });
  // An earlier run has ended between the approval and the change.
  await record('flag-request.again', { ...activities, lookAtRequest: async () => 'approved' }, async (taskQueue) => {
    const handle = await client.workflow.start(flagRequest, { ...request('d', DAY), taskQueue });
    await handle.result();
    return handle.workflowId;
  });

  await record('flag-usage', { addFlagUsage: async () => 3 }, async (taskQueue) => {
    const run = flagUsageRun({ flushId: 'F1', at: new Date().toISOString(), apps: [] });
    await client.workflow.execute(flagUsage, { ...run, taskQueue });
    return run.workflowId;
  });
  await record(
    'flag-stale',
    { remindStaleFlags: async () => ({ apps: 2, stale: 3, reminded: 1 }), wakeAlerts: async () => true },
    async (taskQueue) => {
      const workflowId = FLAG_STALE_ID;
      const typedSearchAttributes = [{ key: SEARCH_ATTRIBUTES.kind, value: workflowId }];
      await client.workflow.execute(flagStale, { taskQueue, workflowId, typedSearchAttributes });
      return workflowId;
    },
  );
}
