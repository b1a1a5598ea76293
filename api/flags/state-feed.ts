import { setTimeout as sleep } from 'node:timers/promises';
import type { FlagStates, FlagVersion } from '../../db/flag-states.js';
import type { FlagStateChange, FlagStateStream } from '../../db/flag-state-stream.js';
import { guarded, quietly } from '../../domain/guarded.js';

interface Deps {
  readonly states: Pick<FlagStates, 'versions'>;
  readonly watch: () => FlagStateStream;
  readonly clock: () => number;
  readonly onChange: (change: FlagStateChange) => void;
  /** @param askedAt when the poll began */
  readonly onPoll: (versions: ReadonlyMap<string, Omit<FlagVersion, '_id'>>, askedAt: number) => void;
  readonly log?: { warn(facts: object, message: string): void; debug(facts: object, message: string): void };
}

const POLL_MS = 1_000;
/** A poll that takes longer says nothing that anybody may still trust. */
const GIVE_UP_MS = 2_000;
const RESTART_MS = 1_000;

/**
 * What is heard of the states of all apps' flags: by a change stream, at once, and by a poll each second, which finds
 * what a broken stream has missed. Nothing is asked before `start`.
 */
export function stateFeed({ states, watch, clock, onChange, onPoll, log }: Deps) {
  let timer: NodeJS.Timeout | undefined;
  let polling: { readonly at: number } | undefined;
  let stream: FlagStateStream | undefined;
  let streaming: Promise<void> | undefined;
  const stopping = new AbortController();
  const { signal } = stopping;
  const isStopping = (): boolean => signal.aborted;
  /** Since when no change can have been missed by the stream, and until when. */
  let since = Infinity;
  let until = -Infinity;
  let isBroken = false;

  const unsaid = (err: unknown): void => log?.debug({ err }, 'following the flags goes on after a fault');
  const closeStream = (): Promise<void> => quietly(() => stream?.close(), unsaid);

  async function poll(): Promise<void> {
    const at = clock();
    if (polling !== undefined && at - polling.at < GIVE_UP_MS) return;
    const mine = { at };
    polling = mine;
    const isNewest = (): boolean => polling === mine && !signal.aborted;
    try {
      const found = await states.versions();
      // Another has begun meanwhile, and knows more.
      if (isNewest()) onPoll(new Map(found.map((each) => [each._id.toHexString(), each])), at);
    } catch (err) {
      log?.debug({ err }, 'versions of flags not polled');
    } finally {
      if (isNewest()) polling = undefined;
    }
  }

  async function listen(): Promise<void> {
    while (!isStopping()) {
      try {
        stream = watch();
        await read(stream);
      } catch (err) {
        // Once, however often it cannot be opened again.
        const level = isBroken ? 'debug' : 'warn';
        isBroken = true;
        if (!isStopping())
          await quietly(() => log?.[level]({ err }, 'the stream of changes to flags broke; the poll goes on'), unsaid);
      }
      since = Infinity;
      until = -Infinity;
      await closeStream();
      await sleep(RESTART_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async function read(from: FlagStateStream): Promise<void> {
    for (;;) {
      const askedAt = clock();
      const change = await from.next();
      if (isStopping()) return;
      since = Math.min(since, clock());
      isBroken = false;
      // "None" was said by the server after it was asked; a change may have lain here for a while.
      if (change === undefined) until = askedAt;
      else onChange(change);
    }
  }

  return {
    start(): void {
      if (timer !== undefined || signal.aborted) return;
      timer = setInterval(guarded(poll, unsaid), POLL_MS);
      timer.unref();
      streaming = listen();
    },

    /** Until when something is the newest that was so at `at`: the stream would have told of a change. */
    confirms: (at: number): number => (at >= since ? Math.max(at, until) : at),

    async stop(): Promise<void> {
      stopping.abort();
      clearInterval(timer);
      await closeStream();
      await streaming;
    },
  };
}
