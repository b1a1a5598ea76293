import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { clientOf, type Network } from '../../domain/client-address.js';

interface Deps {
  /** The proxies whose `X-Forwarded-For` counts. */
  readonly trustProxy: readonly Network[];
  readonly log: { warn(message: string): void };
}

/** The address by which a request is counted; undefined where that cannot be told. */
export type AddressOf = (request: FastifyRequest) => string | undefined;

/** Remembers what came last on each connection: a request asks more than once, and most clients use no proxy. */
export function clientAddresses({ trustProxy, log }: Deps): AddressOf {
  const last = new WeakMap<
    Socket,
    { readonly forwardedFor: string | undefined; readonly address: string | undefined }
  >();
  let isWarned = false;

  return ({ socket, headers }) => {
    const forwarded = headers['x-forwarded-for'];
    const forwardedFor = Array.isArray(forwarded) ? forwarded.join() : forwarded;
    const before = last.get(socket);
    if (before !== undefined && before.forwardedFor === forwardedFor) return before.address;
    const { address, isBehindUnknownProxy } = clientOf({ peer: socket.remoteAddress, forwardedFor }, trustProxy);
    last.set(socket, { forwardedFor, address });
    if (isBehindUnknownProxy && !isWarned) {
      isWarned = true;
      log.warn('requests come through a proxy: name it in TRUST_PROXY, else no address has a limit of its own');
    }
    return address;
  };
}
