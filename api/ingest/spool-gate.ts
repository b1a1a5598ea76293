import type { Backlog, Spool } from '../../db/spool.js';
import { PlatformError } from '../../domain/errors.js';
import { repeating } from '../repeating.js';

interface Deps {
  readonly spool: Pick<Spool, 'backlog'>;
  readonly maxBytes: number;
  readonly onBacklog?: (backlog: Backlog) => void;
  readonly log?: { error(facts: object, message: string): void };
}

const LOOK_EVERY_MS = 1_000;

/** Back-pressure: when more is acknowledged than is being stored, clients are asked to wait before the disk is full. */
export function spoolGate({ spool, maxBytes, onBacklog, log }: Deps) {
  let backlog: Backlog = { flushes: 0, bytes: 0, oldestAt: null, failed: 0 };

  const look = async (): Promise<void> => {
    try {
      backlog = await spool.backlog();
    } catch {
      // The insert itself will say that the database is away.
      return;
    }
    onBacklog?.(backlog);
  };
  const looking = repeating(LOOK_EVERY_MS, look, (err) => log?.error({ err }, 'the backlog was not told of'));

  return {
    look,
    /** @throws PlatformError UNAVAILABLE while the spool is full */
    check(): void {
      if (backlog.bytes < maxBytes) return;
      throw new PlatformError('UNAVAILABLE', 'the spool is full', { retryAfterSeconds: 5 });
    },
    stop: looking.stop,
  };
}

export type SpoolGate = ReturnType<typeof spoolGate>;
