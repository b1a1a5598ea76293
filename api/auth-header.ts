import type { FastifyRequest } from 'fastify';

type Credentials = Pick<FastifyRequest, 'headers' | 'query'>;

/** The token of `Authorization: Bearer ...`. */
export function bearer({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  return /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

/** The user name of `Authorization: Basic ...`: there Segment's clients put the key, with an empty password. */
function basicUser({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  const encoded = /^basic +([A-Za-z0-9+/_=-]{1,1024}) *$/i.exec(headers.authorization ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const user = Buffer.from(encoded, 'base64').toString('utf8').split(':', 1)[0];
  return user === '' ? undefined : user;
}

/** Where a client key may travel. The query is for `sendBeacon`, which can set no header; it is never logged. */
export function keyFromRequest(request: Credentials): string | undefined {
  const header = request.headers['x-api-key'];
  const query = request.query;
  const inQuery: unknown = typeof query === 'object' && query !== null && 'key' in query ? query.key : undefined;
  return (
    bearer(request) ??
    basicUser(request) ??
    (typeof header === 'string' ? header : undefined) ??
    (typeof inQuery === 'string' ? inQuery : undefined)
  );
}
