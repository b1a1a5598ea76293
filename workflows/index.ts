// Every function exported here is registered as a workflow, so nothing else may be.
export { batchIngest } from './batch-ingest.js';
export { retention } from './retention.js';
export { spoolSweep } from './spool-sweep.js';
