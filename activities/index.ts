import { deliveryActivities, type DeliveryDeps } from './alert-deliveries.js';
import { alertActivities, type AlertDeps } from './alerts.js';
import { batchActivities, type BatchDeps } from './batches.js';
import { watchActivities, type WatchDeps } from './error-watch.js';
import { retentionActivities, type RetentionDeps } from './retention.js';

/** All that workflows may do to the world, as one flat object: a name is an activity type. */
export function activities(deps: BatchDeps & RetentionDeps & AlertDeps & DeliveryDeps & WatchDeps) {
  return {
    ...batchActivities(deps),
    ...retentionActivities(deps),
    ...alertActivities(deps),
    ...deliveryActivities(deps),
    ...watchActivities(deps),
  };
}
