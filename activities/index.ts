import { batchActivities, type BatchDeps } from './batches.js';
import { retentionActivities, type RetentionDeps } from './retention.js';

/** All that workflows may do to the world, as one flat object: a name is an activity type. */
export function activities(deps: BatchDeps & RetentionDeps) {
  return { ...batchActivities(deps), ...retentionActivities(deps) };
}
