import { proxyActivities } from '@temporalio/workflow';
import type { FlagUsageActivities, FlagUsageInput } from '../activities/flag-usage.js';
import { SEARCH_ATTRIBUTES } from './search-attributes.js';

/** How a flush of counts is started: its id makes it happen once. */
export const flagUsageRun = (input: FlagUsageInput) => ({
  workflowId: `flag-usage/${input.flushId}`,
  args: [input] as [FlagUsageInput],
  typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.kind, value: 'flag-usage' }],
  staticSummary: 'Adds what one process has counted of the answers of flags',
});

const { addFlagUsage } = proxyActivities<FlagUsageActivities>({
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '1 day',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
  summary: 'Add the counts',
});

/** Adds counts to the days of flags. */
export async function flagUsage(input: FlagUsageInput): Promise<number> {
  return addFlagUsage(input);
}
