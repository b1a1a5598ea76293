import {
  ActivityFailure,
  CancellationScope,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  sleep,
} from '@temporalio/workflow';
import type { FlagPreviewActivities } from '../activities/flag-previews.js';
import { SEARCH_ATTRIBUTES } from './search-attributes.js';

export interface FlagPreviewInput {
  /** Hex. */
  readonly previewId: string;
}

export const flagPreviewId = (previewId: string): string => `flag-preview/${previewId}`;

/** @param app the slug */
export const flagPreviewRun = (previewId: string, app: string) => ({
  workflowId: flagPreviewId(previewId),
  args: [{ previewId }] as [FlagPreviewInput],
  typedSearchAttributes: [
    { key: SEARCH_ATTRIBUTES.kind, value: 'flag-preview' },
    { key: SEARCH_ATTRIBUTES.apps, value: [app] },
  ],
  staticSummary: 'What a change of flags would do to whom',
});

const { beginPreview, endPreview } = proxyLocalActivities<Pick<FlagPreviewActivities, 'beginPreview' | 'endPreview'>>({
  startToCloseTimeout: '8 seconds',
  scheduleToCloseTimeout: '1 hour',
  retry: { maximumInterval: '30 seconds' },
});
const { walkPreview } = proxyActivities<Pick<FlagPreviewActivities, 'walkPreview'>>({
  startToCloseTimeout: '1 hour',
  scheduleToCloseTimeout: '2 hours',
  heartbeatTimeout: '1 minute',
  cancellationType: 'TRY_CANCEL',
  retry: { initialInterval: '1 second', maximumInterval: '30 seconds' },
  summary: 'Compare the answers for all profiles',
});

const LOOK_MS = 500;
const LOOK_AT_MOST_MS = 4_000;
/** Of a turn, while others of the app run. */
const TURNS = 1_500;

/** Compares a change that is not made yet with what is, over all profiles, when it is this one's turn. */
export async function flagPreview({ previewId }: FlagPreviewInput): Promise<void> {
  const input = () => ({ previewId, now: new Date().toISOString() });
  const end = (state: 'done' | 'failed' | 'cancelled', failure?: string): Promise<void> => {
    setCurrentDetails(`**${state}**${failure === undefined ? '' : `: ${failure}`}`);
    return endPreview({ ...input(), state, ...(failure !== undefined && { failure }) });
  };

  try {
    let turn = await beginPreview(input());
    for (let wait = LOOK_MS, turns = 1; turn === 'busy'; wait = Math.min(wait * 2, LOOK_AT_MOST_MS), turns++) {
      if (turns > TURNS) {
        await end('failed', 'others were before it for too long');
        return;
      }
      setCurrentDetails('Another preview of the app runs.');
      await sleep(wait, { summary: 'another one runs' });
      turn = await beginPreview(input());
    }
    if (turn === 'gone') return;
    await walkPreview(input());
    await end('done');
  } catch (error) {
    if (isCancellation(error)) {
      await CancellationScope.nonCancellable(() => end('cancelled'));
      throw error;
    }
    if (!(error instanceof ActivityFailure)) throw error;
    await end('failed', (error.cause ?? error).message.slice(0, 500));
  }
}
