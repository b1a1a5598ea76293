import type { FastifyRequest } from 'fastify';
import { clientOf, type Network } from '../../domain/client-address.js';

interface Deps {
  /** The proxies whose `X-Forwarded-For` counts. */
  readonly trustProxy: readonly Network[];
  readonly log: { warn(message: string): void };
}

/** The address by which a request is counted; undefined where that cannot be told. */
export type AddressOf = (request: FastifyRequest) => string | undefined;

/** Looks at each request once. */
export function clientAddresses({ trustProxy, log }: Deps): AddressOf {
  const known = new WeakMap<FastifyRequest, { readonly address: string | undefined }>();
  let isWarned = false;

  return (request) => {
    const before = known.get(request);
    if (before !== undefined) return before.address;
    const forwarded = request.headers['x-forwarded-for'];
    const forwardedFor = Array.isArray(forwarded) ? forwarded.join() : forwarded;
    const client = clientOf({ peer: request.socket.remoteAddress, forwardedFor }, trustProxy);
    known.set(request, client);
    if (client.isBehindUnknownProxy && !isWarned) {
      isWarned = true;
      log.warn('requests come through a proxy: name it in TRUST_PROXY, else no address has a limit of its own');
    }
    return client.address;
  };
}
