import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Backlog } from '../db/spool.js';
import type { CacheSizes } from './memory.js';

/** What this process tells Prometheus. */
export function metrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];

  const requests = new Histogram({
    name: 'experience_http_request_seconds',
    help: 'Time to answer, by route and status class',
    labelNames: ['route', 'status'] as const,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  });
  const items = new Counter({
    name: 'experience_ingest_items_total',
    help: 'Items of batches, by what was answered',
    labelNames: ['outcome'] as const,
    registers,
  });
  const flushes = new Gauge({
    name: 'experience_spool_flushes',
    help: 'Acknowledged flushes that are not stored yet, and those set aside',
    labelNames: ['state'] as const,
    registers,
  });
  const bytes = new Gauge({ name: 'experience_spool_bytes', help: 'Bytes that wait in the spool', registers });
  const age = new Gauge({
    name: 'experience_spool_oldest_seconds',
    help: 'Age of the oldest acknowledged flush that is not stored yet; over 86400 is an alert',
    registers,
  });

  return {
    registry,
    /** What caches and queues take, as it is when somebody asks. */
    caches(sizes: CacheSizes): void {
      new Gauge({
        name: 'experience_cache_bytes',
        help: 'Memory that caches and queues of this process take, about',
        labelNames: ['cache'] as const,
        registers,
        collect() {
          for (const [cache, size] of Object.entries(sizes)) this.set({ cache }, size());
        },
      });
    },
    answered: (route: string, statusCode: number, ms: number): void =>
      requests.observe({ route, status: `${String(Math.floor(statusCode / 100))}xx` }, ms / 1000),
    ingested(accepted: number, rejected: number): void {
      items.inc({ outcome: 'accepted' }, accepted);
      items.inc({ outcome: 'rejected' }, rejected);
    },
    backlog(backlog: Backlog): void {
      flushes.set({ state: 'new' }, backlog.flushes);
      flushes.set({ state: 'failed' }, backlog.failed);
      bytes.set(backlog.bytes);
      age.set(backlog.oldestAt === null ? 0 : (Date.now() - backlog.oldestAt.getTime()) / 1000);
    },
  };
}

export type Metrics = ReturnType<typeof metrics>;
