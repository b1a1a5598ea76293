import { batchActivities, type BatchDeps } from './batches.js';

/** All that workflows may do to the world, as one flat object: a name is an activity type. */
export function activities(deps: BatchDeps) {
  return { ...batchActivities(deps) };
}
