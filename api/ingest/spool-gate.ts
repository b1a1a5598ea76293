import type { Backlog, Spool } from '../../db/spool.js';
import { PlatformError } from '../../domain/errors.js';

interface Deps {
  readonly spool: Pick<Spool, 'backlog'>;
  readonly maxBytes: number;
  readonly onBacklog?: (backlog: Backlog) => void;
}

const LOOK_EVERY_MS = 1_000;

/** Back-pressure: when more is acknowledged than is being stored, clients are asked to wait before the disk is full. */
export function spoolGate({ spool, maxBytes, onBacklog }: Deps) {
  let backlog: Backlog = { flushes: 0, bytes: 0, oldestAt: null, failed: 0 };
  let looking = false;

  const look = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    try {
      backlog = await spool.backlog();
      onBacklog?.(backlog);
    } catch {
      // The insert itself will say that the database is away.
    } finally {
      looking = false;
    }
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  timer.unref();

  return {
    look,
    /** @throws PlatformError UNAVAILABLE while the spool is full */
    check(): void {
      if (backlog.bytes < maxBytes) return;
      throw new PlatformError('UNAVAILABLE', 'the spool is full', { retryAfterSeconds: 5 });
    },
    stop: (): void => clearInterval(timer),
  };
}

export type SpoolGate = ReturnType<typeof spoolGate>;
