import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PlatformError } from '../domain/errors.js';
import { repeating } from './repeating.js';

type Raw = FastifyRequest['raw'];

/** The request that came last on a connection: only its body can be on its way. */
interface Arrival {
  readonly raw: Raw;
  readonly reply: FastifyReply;
  /** What the connection had received at each of the last looks, the newest last. */
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

/**
 * Cuts off bodies that come too slowly, since each takes memory and a connection for as long as it comes. All are
 * looked at every few seconds by one timer, connection by connection, so that a request costs next to nothing.
 */
export function bodyPace({ now = () => performance.now(), onError }: Deps) {
  const arriving = new Map<Socket, Arrival>();

  function look(): void {
    const at = now();
    for (const [socket, { raw, reply, received, since, allowedMs }] of arriving) {
      if (raw.complete || raw.destroyed) {
        arriving.delete(socket);
        continue;
      }
      received.push(socket.bytesRead);
      if (received.length > LOOKS_IN_WINDOW + 1) received.shift();
      const why = tooSlow(received, at - since, allowedMs);
      if (why === undefined) continue;
      arriving.delete(socket);
      refuse(raw, reply, why);
    }
  }

  /** Undefined where it is not the last one, or nobody waits for more of it. */
  function arrivalOf({ raw }: FastifyRequest): Arrival | undefined {
    const arrival = arriving.get(raw.socket);
    return arrival?.raw === raw ? arrival : undefined;
  }

  function allow(request: FastifyRequest, allowedMs: number): void {
    const arrival = arrivalOf(request);
    if (arrival !== undefined) arrival.allowedMs = allowedMs;
  }

  function rest(request: FastifyRequest): void {
    if (arrivalOf(request) !== undefined) arriving.delete(request.raw.socket);
  }

  const looking = repeating(PACE.lookEveryMs, look, onError);

  return {
    look,

    /** From when its headers are there. */
    begin({ raw }: FastifyRequest, reply: FastifyReply, allowedMs: number): void {
      arriving.set(raw.socket, { raw, reply, received: [], since: now(), allowedMs });
    },

    /** Once it is known who sends. */
    allow,

    /** While it waits here for its turn, unread. */
    rest,

    /** Once it is answered. What is still coming in after a refusal goes on being watched, and nobody waits for it. */
    answered(request: FastifyRequest): void {
      if (request.raw.complete) rest(request);
      else allow(request, PACE.strangerMs);
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
