import { fastifySSE } from '@fastify/sse';
import type { FastifyPluginAsync, FastifyReply } from 'fastify';
import type { AppKeyAuth } from '../auth.js';
import { keyFromRequest } from '../auth-header.js';
import { versionSeen } from '../flags/etag.js';
import { STREAM_PATH } from '../flags/stream-url.js';
import type { FlagStreams, Wire } from '../flags/streams.js';
import type { Senders } from '../senders.js';
import { flagStreamDocs, FlagStreamQuery } from '../schema/flag-stream.js';

interface Deps {
  readonly auth: AppKeyAuth;
  readonly senders: Senders;
  readonly streams: FlagStreams;
}

/** Proxies and phones close what is silent for longer. */
const HEARTBEAT_MS = 15_000;
const GOODBYE_MS = 1_000;

/** Tells of changes of flags as they happen, in the words that OFREP's web provider listens for. */
export function flagStreamRoutes({ auth, senders, streams }: Deps): FastifyPluginAsync {
  return async (app) => {
    // On this scope itself, where a plugin's own would keep it from our route.
    await fastifySSE(app, { heartbeatInterval: HEARTBEAT_MS, serializer: String });
    // Before the server waits for its connections to end.
    app.addHook('preClose', async () => streams.close());

    app.get<{ Querystring: { since?: string } }>(
      STREAM_PATH,
      {
        ...senders.byHead(),
        helmet: false,
        sse: 'manual',
        schema: { ...flagStreamDocs, querystring: FlagStreamQuery },
      },
      async (request, reply) => {
        const sender = senders.of(request);
        streams.admit(sender);
        const key = keyFromRequest(request);
        const { origin, 'last-event-id': last } = request.headers;
        const recheck = async (): Promise<unknown> => auth.authenticateKey(key, origin);
        const hangUp = await streams.open(sender, wireOf(reply), versionSeen(request.query.since, last), recheck);
        if (reply.sse.isConnected) reply.sse.onClose(hangUp);
        else hangUp();
        reply.sse.keepAlive();
      },
    );
  };
}

function wireOf(reply: FastifyReply): Wire {
  const { sse: stream, raw } = reply;
  return {
    send: (message) => stream.send({ data: undefined, ...message }),
    waitingBytes: () => raw.writableLength,
    end() {
      stream.close();
      // Who does not read any more does not take the goodbye either.
      setTimeout(() => void raw.destroy(), GOODBYE_MS).unref();
    },
  };
}
