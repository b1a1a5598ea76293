import type { IncomingMessage, ServerResponse } from 'node:http';
import { PlatformError } from '../domain/errors.js';

interface Bounds {
  /** How many are received and read at once. */
  readonly atOnce: number;
  /** How many may wait for that. */
  readonly waiting: number;
}

const refusal = (why: string) => new PlatformError('UNAVAILABLE', why, { retryAfterSeconds: 5 });

/**
 * A turn for each large upload, taken before its body is read: so many at once bound the memory that they take
 * together. The turn ends with the answer, or with the connection.
 */
export function uploadTurns({ atOnce, waiting: mostWaiting }: Bounds) {
  const busy = new Set<IncomingMessage>();
  const waiting: { readonly begin: () => void; readonly refuse: (why: PlatformError) => void }[] = [];
  let isClosed = false;

  async function turn(request: IncomingMessage): Promise<void> {
    if (isClosed) throw refusal('this process is stopping');
    if (busy.size < atOnce) {
      busy.add(request);
      return;
    }
    if (waiting.length >= mostWaiting) throw refusal('too many uploads at once');
    await new Promise<void>((resolve, refuse) => {
      const begin = (): void => {
        busy.add(request);
        resolve();
      };
      waiting.push({ begin, refuse });
    });
  }

  return {
    /** @throws UNAVAILABLE when too many wait already */
    async take(request: IncomingMessage, response: ServerResponse): Promise<void> {
      await turn(request);
      const end = (): void => {
        if (busy.delete(request)) waiting.shift()?.begin();
      };
      response.once('close', end).once('finish', end);
      if (response.destroyed) end();
    },

    /** Nobody waits any longer, and what is still arriving is cut off: it was not acknowledged. */
    close(): void {
      isClosed = true;
      for (const { refuse } of waiting.splice(0)) refuse(refusal('this process is stopping'));
      for (const request of busy) if (!request.complete) request.destroy();
    },
  };
}
