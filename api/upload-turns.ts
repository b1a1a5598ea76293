import type { FastifyReply, FastifyRequest } from 'fastify';
import { PlatformError } from '../domain/errors.js';

interface Bounds {
  /** How many are received and read at once. */
  readonly atOnce: number;
  /** How many may wait for that. */
  readonly waiting: number;
  /** How long one may take to arrive. */
  readonly arrivalMs: number;
}

/**
 * A turn for each large upload, taken before its body is read: so many at once bound the memory that they take
 * together. The turn ends with the answer, or with the connection.
 */
export function uploadTurns({ atOnce, waiting: mostWaiting, arrivalMs }: Bounds) {
  let busy = 0;
  const waiting: (() => void)[] = [];

  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) busy--;
    else next();
  }

  return {
    /** @throws UNAVAILABLE when too many wait already */
    async take({ raw }: FastifyRequest, reply: FastifyReply): Promise<void> {
      if (busy < atOnce) busy++;
      else if (waiting.length >= mostWaiting) {
        throw new PlatformError('UNAVAILABLE', 'too many uploads at once', { retryAfterSeconds: 5 });
      } else await new Promise<void>((resolve) => waiting.push(resolve));

      // Too slow a sender would keep others from their turn.
      const late = setTimeout(() => {
        if (!raw.complete) raw.destroy();
      }, arrivalMs).unref();
      let isOver = false;
      const end = (): void => {
        if (isOver) return;
        isOver = true;
        clearTimeout(late);
        leave();
      };
      reply.raw.once('close', end).once('finish', end);
      if (reply.raw.destroyed) end();
    },
  };
}
