import { deliveryActivities, type DeliveryDeps } from './alert-deliveries.js';
import { alertActivities, type AlertDeps } from './alerts.js';
import { batchActivities, type BatchDeps } from './batches.js';
import { errorGroupActivities, type ErrorGroupDeps } from './error-groups.js';
import { watchActivities, type WatchDeps } from './error-watch.js';
import { retentionActivities, type RetentionDeps } from './retention.js';

/** All that workflows may do to the world, as one flat object: a name is an activity type. */
export function activities(deps: BatchDeps & RetentionDeps & AlertDeps & DeliveryDeps & ErrorGroupDeps & WatchDeps) {
  return {
    ...batchActivities(deps),
    ...retentionActivities(deps),
    ...alertActivities(deps),
    ...deliveryActivities(deps),
    ...errorGroupActivities(deps),
    ...watchActivities(deps),
  };
}
