import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { PlatformError } from '../../domain/errors.js';
import type { KeyPlaces } from '../../domain/key-scanner.js';
import { LIMITS } from '../../domain/limits.js';
import { HEADER_BYTES } from '../../domain/sentry/envelope.js';
import { keyInBody } from './key-in-body.js';
import { strangerRoom } from './stranger-room.js';
import { strangerTurns } from './stranger-turns.js';
import { breather } from './turns.js';

const MIB = 1024 * 1024;

/** In each process. */
export const STRANGERS = {
  room: { bytes: 32 * MIB, bytesOfAddress: 2 * LIMITS.bodyBytes },
  turns: { atOnce: 8, ofAddressAtOnce: 2, waiting: 500, ofAddressWaiting: 100 },
} as const;

interface Deps {
  /** Undefined where it cannot be told. */
  readonly addressOf: (request: FastifyRequest) => string | undefined;
}

/**
 * Bodies of requests that do not say outside of it who sends. Nothing is built of one before its key is known to be
 * good: it is held as it was sent, and looked through for the key.
 */
export function strangers({ addressOf }: Deps) {
  const room = strangerRoom(STRANGERS.room);
  const turns = strangerTurns(STRANGERS.turns);

  return {
    /**
     * One whose key is in the first line of its body, for as long as that is not read.
     * @returns what is to be called then
     * @throws PlatformError RATE_LIMITED
     */
    wait(request: FastifyRequest): () => void {
      const { raw } = request;
      const guest = room.enter(addressOf(request), (why) => raw.destroy(why));
      try {
        guest.take(HEADER_BYTES);
      } catch (error) {
        guest.leave();
        throw error;
      }
      raw.once('close', guest.leave);
      return guest.leave;
    },

    /**
     * The body as sent, and what stands where keys do.
     * @throws PlatformError RATE_LIMITED, BODY_TOO_LARGE, BODY_MALFORMED
     */
    async read(request: FastifyRequest, payload: Readable, { most, places }: { most: number; places: KeyPlaces }) {
      if (Number(request.headers['content-length']) > most) throw tooLarge(most);
      const address = addressOf(request);
      const cut = new AbortController();
      const guest = room.enter(address, (why) => {
        cut.abort(why);
      });
      const onBytes = (bytes: number, soFar: number): void => {
        if (soFar > most) throw tooLarge(most);
        guest.take(bytes);
      };
      try {
        const body = await received(payload, onBytes, cut.signal);
        guest.arrived();
        const encoding = request.headers['content-encoding'];
        const key = await turns(address, () => keyInBody(body, encoding, places, breather()));
        return { body, key };
      } finally {
        guest.leave();
      }
    },
  };
}

export type Strangers = ReturnType<typeof strangers>;

const tooLarge = (most: number) => new PlatformError('BODY_TOO_LARGE', `a body holds at most ${String(most)} bytes`);

/** @param onBytes may refuse what comes in, by an exception */
function received(
  payload: Readable,
  onBytes: (bytes: number, soFar: number) => void,
  cut: AbortSignal,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let soFar = 0;
    const over = (): void => {
      payload.off('data', onData).off('end', onEnd).off('error', fail);
    };
    const fail = (error: Error): void => {
      over();
      reject(error);
    };
    const onEnd = (): void => {
      over();
      resolve(Buffer.concat(chunks, soFar));
    };
    const onData = (chunk: Buffer): void => {
      soFar += chunk.length;
      chunks.push(chunk);
      try {
        onBytes(chunk.length, soFar);
      } catch (error) {
        fail(error as Error);
      }
    };
    cut.addEventListener('abort', () => {
      fail(cut.reason as Error);
    });
    payload.on('data', onData).on('end', onEnd).on('error', fail);
  });
}
