import type { FastifyReply, FastifyRequest } from 'fastify';
import { PlatformError } from '../domain/errors.js';
import { repeating } from './repeating.js';

type Raw = FastifyRequest['raw'];

/** A body that is on its way. */
interface Arrival {
  readonly reply: FastifyReply;
  /** Of the connection: what it had received at each of the last looks, the newest last. */
  readonly received: number[];
  readonly since: number;
  /** How long it may take in all. */
  allowedMs: number;
}

export const PACE = {
  lookEveryMs: 5_000,
  idleMs: 15_000,
  /** Over `windowMs`, at least that many bytes a second. */
  leastRate: 4 * 1024,
  windowMs: 30_000,
  /** Of a sender that no key or token speaks for, yet. */
  strangerMs: 15_000,
  senderMs: 300_000,
  /** Source maps are large, and come from build servers. */
  sourceMapMs: 900_000,
} as const;

const LOOKS_IDLE = PACE.idleMs / PACE.lookEveryMs;
const LOOKS_IN_WINDOW = PACE.windowMs / PACE.lookEveryMs;
const LEAST_IN_WINDOW = (PACE.leastRate * PACE.windowMs) / 1000;

interface Deps {
  /** In ms, of no particular beginning. */
  readonly now?: () => number;
  readonly onError: (error: unknown) => void;
}

const hasBody = ({ headers }: Raw): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/**
 * Cuts off bodies that come too slowly, since each takes memory and a connection for as long as it comes. All are
 * looked at every few seconds by one timer; a request costs no timer of its own.
 */
export function bodyPace({ now = () => performance.now(), onError }: Deps) {
  const arriving = new Map<Raw, Arrival>();

  function look(): void {
    const at = now();
    for (const [raw, arrival] of arriving) {
      if (raw.complete || raw.destroyed) {
        arriving.delete(raw);
        continue;
      }
      const { received, reply, since, allowedMs } = arrival;
      received.push(raw.socket.bytesRead);
      if (received.length > LOOKS_IN_WINDOW + 1) received.shift();
      const why = tooSlow(received, at - since, allowedMs);
      if (why === undefined) continue;
      arriving.delete(raw);
      refuse(raw, reply, why);
    }
  }
  const looking = repeating(PACE.lookEveryMs, look, onError);

  return {
    look,

    /** From when its first bytes are there. */
    begin({ raw }: FastifyRequest, reply: FastifyReply): void {
      if (!hasBody(raw)) return;
      arriving.set(raw, { reply, received: [raw.socket.bytesRead], since: now(), allowedMs: PACE.strangerMs });
    },

    /** Once it is known who sends. */
    allow({ raw }: FastifyRequest, allowedMs: number): void {
      const arrival = arriving.get(raw);
      if (arrival !== undefined) arrival.allowedMs = allowedMs;
    },

    /** While it waits here for its turn, unread. */
    rest({ raw }: FastifyRequest): void {
      arriving.delete(raw);
    },

    /** Once it is answered. What is still coming in after a refusal goes on being watched. */
    answered({ raw }: FastifyRequest): void {
      if (raw.complete) arriving.delete(raw);
    },

    stop: looking.stop,
  };
}

export type BodyPace = ReturnType<typeof bodyPace>;

function tooSlow(received: readonly number[], ms: number, allowedMs: number): string | undefined {
  const newest = received.at(-1) ?? 0;
  const earlier = (looks: number): number | undefined => received.at(-1 - looks);
  if (ms >= allowedMs) return `a body has ${String(allowedMs / 1000)} s to arrive`;
  if (newest === earlier(LOOKS_IDLE)) return `nothing came for ${String(PACE.idleMs / 1000)} s`;
  const before = earlier(LOOKS_IN_WINDOW);
  if (before === undefined || newest - before >= LEAST_IN_WINDOW) return undefined;
  return `a body comes at ${String(PACE.leastRate)} bytes a second at least`;
}

/** The answer, if there is none yet, and then the end of the connection. */
function refuse(raw: Raw, reply: FastifyReply, why: string): void {
  if (reply.sent) {
    raw.destroy();
    return;
  }
  reply.raw.once('close', () => raw.destroy());
  void reply.header('connection', 'close').send(new PlatformError('BODY_TOO_SLOW', why));
}
