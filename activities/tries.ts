import { setTimeout as sleep } from 'node:timers/promises';
import { failureKind } from '../db/failure.js';

/** A refusal that nobody has heard of may pass; after so many it is the content's fault. */
const TRIES = 3;

/** Tries again what was refused for its content, and only that. */
export async function tried<T>(work: () => Promise<T>, pauseMs: number): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries === TRIES || failureKind(error) !== 'content') throw error;
      await sleep(pauseMs);
    }
  }
}

/** Where it is refused for its content, what `otherwise` makes of that. */
export async function unlessRefused<T, R>(work: Promise<T>, otherwise: (failure: unknown) => R): Promise<T | R> {
  try {
    return await work;
  } catch (error) {
    if (failureKind(error) !== 'content') throw error;
    return otherwise(error);
  }
}
