import type { FlagStates, FlagVersion } from '../../db/flag-states.js';
import type { FlagStateChange, FlagStateStream } from '../../db/flag-state-stream.js';
import { guarded } from '../../domain/guarded.js';
import { listening } from '../listening.js';

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

/**
 * What is heard of the states of all apps' flags: by a change stream, at once, and by a poll each second, which finds
 * what a broken stream has missed. Nothing is asked before `start`.
 */
export function stateFeed({ states, watch, clock, onChange, onPoll, log }: Deps) {
  let timer: NodeJS.Timeout | undefined;
  let polling: { readonly at: number } | undefined;
  let stream: ReturnType<typeof listening> | undefined;
  let isStopped = false;
  /** Since when no change can have been missed by the stream, and until when. */
  let since = Infinity;
  let until = -Infinity;

  const unsaid = (err: unknown): void => log?.debug({ err }, 'following the flags goes on after a fault');

  async function poll(): Promise<void> {
    const at = clock();
    if (polling !== undefined && at - polling.at < GIVE_UP_MS) return;
    const mine = { at };
    polling = mine;
    const isNewest = (): boolean => polling === mine && !isStopped;
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

  function onAnswer(change: FlagStateChange | undefined, askedAt: number): void {
    since = Math.min(since, clock());
    // "None" was said by the server after it was asked; a change may have lain here for a while.
    if (change === undefined) until = askedAt;
    else onChange(change);
  }

  function onBroken(): void {
    since = Infinity;
    until = -Infinity;
  }

  return {
    start(): void {
      if (timer !== undefined || isStopped) return;
      timer = setInterval(guarded(poll, unsaid), POLL_MS);
      timer.unref();
      stream = listening({ what: 'flags', watch, onAnswer, onBroken, clock, ...(log && { log }) });
    },

    /** Until when something is the newest that was so at `at`: the stream would have told of a change. */
    confirms: (at: number): number => (at >= since ? Math.max(at, until) : at),

    async stop(): Promise<void> {
      isStopped = true;
      clearInterval(timer);
      await stream?.stop();
    },
  };
}
