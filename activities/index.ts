import { deliveryActivities, type DeliveryDeps } from './alert-deliveries.js';
import { alertActivities, type AlertDeps } from './alerts.js';
import { batchActivities, type BatchDeps } from './batches.js';
import { errorGroupActivities, type ErrorGroupDeps } from './error-groups.js';
import { watchActivities, type WatchDeps } from './error-watch.js';
import { flagPreviewActivities, type PreviewDeps } from './flag-previews.js';
import { type FlagRequestDeps, flagRequestActivities } from './flag-requests.js';
import { type FlagRolloutDeps, flagRolloutActivities } from './flag-rollouts.js';
import { flagStaleActivities, type StaleDeps } from './flag-stale.js';
import { flagUsageActivities, type FlagUsageDeps } from './flag-usage.js';
import { type DriftDeps, flagDriftActivities } from './flag-drift.js';
import { flagSetActivities, type FlagSetDeps } from './flag-sets.js';
import { retentionActivities, type RetentionDeps } from './retention.js';
import { type WaitingFlushDeps, waitingFlushActivities } from './waiting-flushes.js';

type Deps = BatchDeps &
  WaitingFlushDeps &
  RetentionDeps &
  AlertDeps &
  DeliveryDeps &
  ErrorGroupDeps &
  FlagSetDeps &
  DriftDeps &
  WatchDeps &
  PreviewDeps &
  FlagRequestDeps &
  StaleDeps &
  FlagUsageDeps &
  FlagRolloutDeps;

/** All that workflows may do to the world, as one flat object: a name is an activity type. */
export function activities(deps: Deps) {
  return {
    ...batchActivities(deps),
    ...waitingFlushActivities(deps),
    ...retentionActivities(deps),
    ...alertActivities(deps),
    ...deliveryActivities(deps),
    ...errorGroupActivities(deps),
    ...watchActivities(deps),
    ...flagSetActivities(deps),
    ...flagDriftActivities(deps),
    ...flagPreviewActivities(deps),
    ...flagRequestActivities(deps),
    ...flagStaleActivities(deps),
    ...flagUsageActivities(deps),
    ...flagRolloutActivities(deps),
  };
}
