// Every function exported here is registered as a workflow, so nothing else may be.
export { alertDelivery } from './alert-delivery.js';
export { alertDispatch } from './alert-dispatch.js';
export { batchIngest } from './batch-ingest.js';
export { errorAutoResolve } from './error-auto-resolve.js';
export { errorGroup } from './error-group.js';
export { errorWatch } from './error-watch.js';
export { flagPreview } from './flag-preview.js';
export { flagRequest } from './flag-request.js';
export { flagRollout } from './flag-rollout.js';
export { flagRolloutSweep } from './flag-rollout-sweep.js';
export { flagStale } from './flag-stale.js';
export { flagUsage } from './flag-usage.js';
export { flagDrift } from './flag-drift.js';
export { flagSetSweep } from './flag-set-sweep.js';
export { flagSets } from './flag-sets.js';
export { retention } from './retention.js';
export { spoolSweep } from './spool-sweep.js';
