import { measureMemory } from 'node:vm';
import type { FastifyBaseLogger } from 'fastify';
import { repeating } from './repeating.js';

interface Deps {
  readonly log: Pick<FastifyBaseLogger, 'debug'>;
  readonly everyMs?: number;
  /** Of the heap and of buffers beside it, in bytes, dead or alive. */
  readonly usedBytes?: () => number;
  /** Which share of the time since the last call this process was busy. */
  readonly busyShare?: () => number;
  readonly collect?: () => Promise<unknown>;
}

const LOOK_EVERY_MS = 10_000;
const MOST_BUSY = 0.2;
/** The young generation alone comes and goes by some 64 MiB. */
const WORTH_BYTES = 96 * 1024 * 1024;

/**
 * Collects what a burst has left behind once this process rests: V8 itself collects when more is allocated, and a
 * process that nobody asks anything would keep some hundred megabytes of dead bodies for good.
 */
export function garbage(deps: Deps) {
  const { log, everyMs = LOOK_EVERY_MS, usedBytes = inUse, busyShare = busy(), collect = collectInSteps } = deps;
  let least = usedBytes();

  async function look(): Promise<void> {
    const share = busyShare();
    const before = usedBytes();
    least = Math.min(least, before);
    if (share > MOST_BUSY || before - least < WORTH_BYTES) return;
    await collect();
    least = usedBytes();
    log.debug({ before, after: least }, 'garbage collected at rest');
  }

  return repeating(everyMs, look, (err) => log.debug({ err }, 'garbage is left to V8'));
}

function inUse(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function busy(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}

/** To measure memory V8 marks what is alive, a step at a time, and collects the rest; `gc()` would do it in one stretch. */
const collectInSteps = (): Promise<unknown> => measureMemory({ mode: 'summary', execution: 'eager' });
