import { PlatformError } from '../../domain/errors.js';
import { quietly } from '../../domain/guarded.js';
import type { AppKey } from '../auth.js';
import { repeating } from '../repeating.js';
import type { FlagChange, FlagFollower } from './follower.js';

/** The other end of a stream, as far as it matters here. */
export interface Wire {
  send(message: { readonly id: string; readonly data?: string }): Promise<void>;
  /** What was sent and has not left yet. */
  waitingBytes(): number;
  end(): void;
}

interface Stream {
  readonly sender: AppKey;
  readonly wire: Wire;
  /** @throws where the key may not be used any more */
  readonly recheck: () => Promise<unknown>;
  readonly stop: () => void;
}

interface Deps {
  readonly follower: Pick<FlagFollower, 'subscribe'>;
  readonly log?: { debug(facts: object, message: string): void };
  readonly most?: { readonly streams: number; readonly streamsPerKey: number };
  readonly recheckMs?: number;
}

const MOST = { streams: 5_000, streamsPerKey: 2_500 };
/** A revoked key is known within four seconds; its streams end with the next look. */
const RECHECK_MS = 2_000;
/** Who reads more slowly than this is cut off, and comes back with what it has seen. */
const MOST_WAITING_BYTES = 64 * 1024;
/** More changed flags than this are not named: then any may have changed. */
const MOST_NAMED = 100;

/** OFREP's message, and beside it the flags that may answer differently. */
function messageOf({ version, changedKeys }: Pick<FlagChange, 'version'> & Partial<FlagChange>) {
  const named = changedKeys !== undefined && changedKeys.length <= MOST_NAMED ? { changedKeys } : {};
  return {
    id: String(version),
    data: JSON.stringify({ type: 'refetchEvaluation', etag: `"${String(version)}"`, ...named }),
  };
}

/** All who listen to this process for changes of flags. */
export function flagStreams({ follower, log, most = MOST, recheckMs = RECHECK_MS }: Deps) {
  const streams = new Set<Stream>();
  const perKey = new Map<string, number>();
  let isClosing = false;

  function count(keyId: string, by: 1 | -1): void {
    const now = (perKey.get(keyId) ?? 0) + by;
    if (now === 0) perKey.delete(keyId);
    else perKey.set(keyId, now);
  }

  function end(stream: Stream): void {
    if (!streams.delete(stream)) return;
    count(stream.sender.keyId, -1);
    for (const last of [stream.stop, stream.wire.end])
      void quietly(last, (err) => log?.debug({ err }, 'a stream did not end well'));
  }

  /** Called while others are to hear of the same change: whatever is wrong with this wire, it alone ends. */
  function send(stream: Stream, message: { readonly id: string; readonly data?: string }): void {
    const sent = async (): Promise<void> => {
      if (stream.wire.waitingBytes() > MOST_WAITING_BYTES) end(stream);
      else await stream.wire.send(message);
    };
    void quietly(sent, () => end(stream));
  }

  async function recheckAll(): Promise<void> {
    for (const stream of streams) {
      try {
        await stream.recheck();
      } catch (error) {
        // Not knowing is no reason to hang up.
        if (!(error instanceof PlatformError) || error.code === 'UNAVAILABLE') continue;
        log?.debug({ code: error.code }, 'a stream ends with its key');
        end(stream);
      }
    }
  }

  const rechecking = repeating(recheckMs, recheckAll, (err) => log?.debug({ err }, 'keys of streams not looked at'));

  async function subscribe({ app, keyId }: AppKey, tell: (change: FlagChange) => void, since: number) {
    try {
      return await follower.subscribe(app.id, tell, since);
    } catch (error) {
      count(keyId, -1);
      throw error;
    }
  }

  return {
    /** To be asked before anything is sent. @throws PlatformError RATE_LIMITED, UNAVAILABLE */
    admit({ keyId }: AppKey): void {
      if (isClosing || streams.size >= most.streams)
        throw new PlatformError('UNAVAILABLE', 'no more streams here now', { retryAfterSeconds: 5 });
      if ((perKey.get(keyId) ?? 0) >= most.streamsPerKey)
        throw new PlatformError('RATE_LIMITED', 'too many streams of this key', { retryAfterSeconds: 30 });
    },

    /**
     * Tells of every version after `since`, the newest one that the client has seen, until what is returned is called.
     * @throws PlatformError UNAVAILABLE
     */
    async open(sender: AppKey, wire: Wire, since: number, recheck: Stream['recheck']): Promise<() => void> {
      const early: FlagChange[] = [];
      let tell = (change: FlagChange): void => void early.push(change);
      count(sender.keyId, 1);
      const listening = await subscribe(sender, (change) => tell(change), since);
      const stream: Stream = { sender, wire, recheck, stop: listening.end };
      streams.add(stream);
      const { version } = listening;
      tell = (change) => send(stream, messageOf(change));
      // The id alone is no message, but what a client names when it comes back.
      send(stream, since > 0 && since < version ? messageOf({ version }) : { id: String(version) });
      for (const change of early) if (change.version > version) tell(change);
      if (isClosing) end(stream);
      return () => end(stream);
    },

    /** Ends them all; clients come back to another process. */
    close(): void {
      isClosing = true;
      void rechecking.stop();
      for (const stream of [...streams]) end(stream);
    },
  };
}

export type FlagStreams = ReturnType<typeof flagStreams>;
