import {
  continueAsNew,
  defineSignal,
  ParentClosePolicy,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  startChild,
  workflowInfo,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError, WorkflowIdReusePolicy } from '@temporalio/common';
import type { AlertActivities, OpenedAlerts } from '../activities/alerts.js';
import { alertDelivery, alertDeliveryRun } from './alert-delivery.js';
import { SEARCH_ATTRIBUTES } from './search-attributes.js';

export interface AlertDispatchInput {
  /** Deliveries that earlier runs of this one have begun, for ops. */
  readonly begun?: number;
}

/** There is one, so that no two of them take the same alerts. */
export const ALERT_DISPATCH_ID = 'alert-dispatch';
const wakeSignal = defineSignal('wake');

/** How a wake is given, whoever gives it: it starts the run when there is none. */
export const alertDispatchWake = {
  workflowId: ALERT_DISPATCH_ID,
  signal: wakeSignal,
  signalArgs: [] as [],
  args: [{}] as [AlertDispatchInput],
  typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.kind, value: ALERT_DISPATCH_ID }],
  staticSummary: 'Tells channels of new alerts',
};

const ROUNDS_A_RUN = 10;

const { openAlerts, closeAlerts } = proxyActivities<AlertActivities>({
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '1 hour',
  retry: { maximumInterval: '1 minute' },
});

/** Begins a delivery for each new alert and each channel that wants it. Ends when nothing is left; a wake begins anew. */
export async function alertDispatch({ begun = 0 }: AlertDispatchInput): Promise<number> {
  let woken = true;
  setHandler(wakeSignal, () => {
    woken = true;
  });

  let total = begun;
  for (let round = 1; woken; round++) {
    if (round > ROUNDS_A_RUN || workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof alertDispatch>({ begun: total });
    }
    woken = false;
    const { alertIds, deliveries, more } = await openAlerts();
    await Promise.all(deliveries.map(begin));
    if (alertIds.length > 0) await closeAlerts({ alertIds });
    total += deliveries.length;
    if (more) woken = true;
    setCurrentDetails(`Deliveries begun: **${String(total)}**`);
  }
  return total;
}

/** Once per delivery, also when this run died before it could close the alert. */
async function begin({ id: deliveryId, app }: OpenedAlerts['deliveries'][number]): Promise<void> {
  try {
    await startChild(alertDelivery, {
      ...alertDeliveryRun({ deliveryId }, app),
      parentClosePolicy: ParentClosePolicy.ABANDON,
      workflowIdReusePolicy: WorkflowIdReusePolicy.REJECT_DUPLICATE,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
