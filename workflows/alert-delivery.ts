import {
  ActivityFailure,
  CancellationScope,
  isCancellation,
  proxyActivities,
  setCurrentDetails,
  TimeoutFailure,
} from '@temporalio/workflow';
import { DAY_MS, HOUR_MS } from '../domain/limits.js';
import type { DeliveryActivities, DeliveryOutcome } from '../activities/alert-deliveries.js';
import { SEARCH_ATTRIBUTES } from './search-attributes.js';

export interface AlertDeliveryInput {
  readonly deliveryId: string;
  /** Send it though it was sent, or given up, before. */
  readonly replay?: boolean;
  readonly retry?: DeliveryRetry;
}

/** In ms. Between attempts it waits three times longer each time, up to `maximum`. */
export interface DeliveryRetry {
  readonly initial: number;
  readonly maximum: number;
  readonly giveUp: number;
}

const alertDeliveryId = (deliveryId: string): string => `alert-delivery/${deliveryId}`;

/** How a delivery is started and shown to ops, whoever starts it. */
export const alertDeliveryRun = (input: AlertDeliveryInput, app: string) => ({
  workflowId: alertDeliveryId(input.deliveryId),
  args: [input] as [AlertDeliveryInput],
  typedSearchAttributes: [
    { key: SEARCH_ATTRIBUTES.kind, value: 'alert-delivery' },
    { key: SEARCH_ATTRIBUTES.apps, value: [app] },
  ],
});

const RETRY: DeliveryRetry = { initial: 5_000, maximum: HOUR_MS, giveUp: DAY_MS };

const { failDelivery, reopenDelivery } = proxyActivities<Pick<DeliveryActivities, 'failDelivery' | 'reopenDelivery'>>({
  startToCloseTimeout: '30 seconds',
  scheduleToCloseTimeout: '1 day',
  retry: { maximumInterval: '1 minute' },
});

/** Tells one channel of one alert, and tries for a day. */
export async function alertDelivery({
  deliveryId,
  replay = false,
  retry = RETRY,
}: AlertDeliveryInput): Promise<DeliveryOutcome> {
  const { attemptDelivery } = proxyActivities<Pick<DeliveryActivities, 'attemptDelivery'>>({
    startToCloseTimeout: '1 minute',
    scheduleToCloseTimeout: retry.giveUp,
    retry: { initialInterval: retry.initial, backoffCoefficient: 3, maximumInterval: retry.maximum },
    summary: 'Send it',
  });

  if (replay) await reopenDelivery({ deliveryId });
  const outcome = await attemptDelivery({ deliveryId }).catch(async (error: unknown) => {
    if (isCancellation(error)) {
      await CancellationScope.nonCancellable(() => failDelivery({ deliveryId, reason: 'cancelled' }));
      throw error;
    }
    if (!(error instanceof ActivityFailure)) throw error;
    // What the last attempt met stands in the delivery's log.
    const { cause = error } = error;
    await failDelivery({ deliveryId, reason: cause instanceof TimeoutFailure ? 'not taken in time' : cause.message });
    return 'failed' as const;
  });
  setCurrentDetails(`**${outcome}**`);
  return outcome;
}
