import { PlatformError } from '../domain/errors.js';

/** A client hears within three seconds, whatever the database does. */
export const PATIENCE_MS = 2_500;

/**
 * The answer of the database, or a refusal when it does not come in time: a server that is frozen, or behind a network
 * that swallows packets, is noticed by the driver only after its socket timeout.
 * @throws PlatformError UNAVAILABLE
 */
export function patiently<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new PlatformError('UNAVAILABLE', 'the database does not answer', { retryAfterSeconds: 2 }));
    }, PATIENCE_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}
