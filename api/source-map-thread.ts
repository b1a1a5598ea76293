import { parentPort, workerData } from 'node:worker_threads';
import { readSourceMap } from './source-map-reading.js';

parentPort?.postMessage(readSourceMap(workerData as Uint8Array));
