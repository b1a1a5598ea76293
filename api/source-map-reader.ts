import { Worker } from 'node:worker_threads';
import type { SourceMapFault } from '../domain/source-map.js';
import { type ReadMap, readSourceMap } from './source-map-reading.js';

/** What is smaller is read at once: that takes a few ms, and a thread as long to begin. */
const SMALL_BYTES = 64 * 1024;
/** Several times what the largest real map takes. What needs more ends its thread, and nothing else. */
const MOST_HEAP_MB = 768;

const isSource = import.meta.url.endsWith('.ts');
const THREAD = new URL(`./source-map-thread.${isSource ? 'ts' : 'js'}`, import.meta.url);
/** Where the sources are run as they are, a thread has no loader for them yet. */
const LOADING = `import('tsx/esm/api').then(({ register }) => { register(); return import('${THREAD.href}'); })`;

/**
 * Reads a map without keeping the event loop from others: a large one in a thread of its own.
 * @param bytes are handed over, and empty afterwards
 */
export async function readMap(bytes: Buffer, mostHeapMb = MOST_HEAP_MB): Promise<ReadMap | SourceMapFault> {
  return bytes.length <= SMALL_BYTES ? readSourceMap(bytes) : inThread(bytes, mostHeapMb);
}

function inThread(bytes: Buffer, mostHeapMb: number): Promise<ReadMap | SourceMapFault> {
  return new Promise((resolve, reject) => {
    const thread = new Worker(isSource ? LOADING : THREAD, {
      eval: isSource,
      workerData: bytes,
      transferList: bytes.buffer instanceof ArrayBuffer ? [bytes.buffer] : [],
      resourceLimits: { maxOldGenerationSizeMb: mostHeapMb },
    });
    thread.once('message', (read: ReadMap | SourceMapFault) => {
      resolve(read);
    });
    thread.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') resolve({ fault: 'reading the source map takes too much memory' });
      else reject(error);
    });
    thread.once('exit', () => {
      reject(new Error('the thread that reads a source map ended without an answer'));
    });
  });
}
