import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';
import { PlatformError } from '../domain/errors.js';
import type { RouteAccess } from './access.js';
import { bearer } from './auth-header.js';
import { hashSecret } from './secrets.js';

/** What a proxy adds, or a browser for a page of elsewhere: then nobody on this host asks, whatever the socket says. */
const FROM_ELSEWHERE = /^(?:forwarded|via|x-real-ip|x-forwarded-.+|origin)$/;

/** A page that has led its own name to this address (DNS rebinding) sends that name. */
const LOCAL_HOST = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

function isFromThisHost({ socket, headers }: FastifyRequest): boolean {
  const { remoteAddress = '' } = socket;
  const isLoopback = ipaddr.isValid(remoteAddress) && ipaddr.process(remoteAddress).range() === 'loopback';
  const isForwarded = Object.keys(headers).some((name) => FROM_ELSEWHERE.test(name));
  return isLoopback && !isForwarded && LOCAL_HOST.test(headers.host ?? '');
}

/** Hashes are of one length, and say nothing by how long they take to compare. */
const isSame = (a: string, b: string): boolean =>
  timingSafeEqual(Buffer.from(hashSecret(a)), Buffer.from(hashSecret(b)));

/** The way to what is for who runs this instance: with the token where there is one, else from this host only. */
export function opsGuard(token: string | undefined): RouteAccess {
  return {
    config: { access: 'ops' },
    async onRequest(request) {
      if (token === undefined ? isFromThisHost(request) : isSame(bearer(request) ?? '', token)) return;
      throw new PlatformError('UNAUTHENTICATED', 'for this host only, or for who has METRICS_TOKEN where one is set');
    },
  };
}
