import { setTimeout as sleep } from 'node:timers/promises';
import type { Changes } from '../db/changes.js';
import { quietly } from '../domain/guarded.js';

interface Deps<Change> {
  /** What changes, for the log. */
  readonly what: string;
  readonly watch: () => Changes<Change>;
  /** Told of each change, and of each time that there was none, with when it was asked for. */
  readonly onAnswer: (change: Change | undefined, askedAt: number) => void;
  /** Changes may have been missed from here on until the next answer. */
  readonly onBroken?: () => void;
  readonly clock: () => number;
  readonly log?: { warn(facts: object, message: string): void; debug(facts: object, message: string): void };
}

const RESTART_MS = 1_000;

/** Follows a change stream until it is stopped, and opens another one where it breaks. */
export function listening<Change>({ what, watch, onAnswer, onBroken, clock, log }: Deps<Change>) {
  const stopping = new AbortController();
  const { signal } = stopping;
  const isStopping = (): boolean => signal.aborted;
  let changes: Changes<Change> | undefined;
  let isBroken = false;

  const unsaid = (err: unknown): void => log?.debug({ err }, `following the ${what} goes on after a fault`);
  const close = (): Promise<void> => quietly(() => changes?.close(), unsaid);
  const rest = (): Promise<void> => sleep(RESTART_MS, undefined, { signal, ref: false }).catch(() => undefined);

  async function listen(): Promise<void> {
    while (!isStopping()) {
      try {
        changes = watch();
        await read(changes);
      } catch (err) {
        // Once, however often it cannot be opened again.
        const level = isBroken ? 'debug' : 'warn';
        isBroken = true;
        if (!isStopping())
          await quietly(
            () => log?.[level]({ err }, `the stream of changes to ${what} broke; the poll goes on`),
            unsaid,
          );
      }
      await quietly(() => onBroken?.(), unsaid);
      await close();
      await rest();
    }
  }

  async function read(from: Changes<Change>): Promise<void> {
    for (;;) {
      const askedAt = clock();
      const change = await from.next();
      if (isStopping()) return;
      isBroken = false;
      onAnswer(change, askedAt);
    }
  }

  const listened = listen();

  return {
    async stop(): Promise<void> {
      stopping.abort();
      await close();
      await listened;
    },
  };
}
