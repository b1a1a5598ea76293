import type { FastifyRequest } from 'fastify';

export const STREAM_PATH = '/v1/flags/stream';

const HOST = /^[A-Za-z0-9.-]{1,253}(?::\d{1,5})?$|^\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?$/;

interface Facts {
  readonly publicUrl: string | undefined;
  readonly key: string | undefined;
  /** What the client has seen: a change between its answer and its connection is told when it connects. */
  readonly since: number;
}

/** Where the client that asked finds the stream: where it has found us. Undefined where that cannot be told. */
export function streamUrl({ headers, protocol }: FastifyRequest, { publicUrl, key, since }: Facts): string | undefined {
  const origin = publicUrl ?? originOf(headers, protocol);
  if (origin === undefined) return undefined;
  const query = `since=${String(since)}`;
  return `${origin}${STREAM_PATH}?${key === undefined ? query : `${query}&key=${encodeURIComponent(key)}`}`;
}

/** Who lies about it is told its own lie, and nobody else is. */
function originOf(headers: FastifyRequest['headers'], protocol: string): string | undefined {
  const first = (value: unknown): string | undefined =>
    typeof value === 'string' ? value.split(',', 1)[0]?.trim() : undefined;
  const host = first(headers['x-forwarded-host']) ?? headers.host;
  const forwarded = first(headers['x-forwarded-proto']);
  const scheme = forwarded === 'https' || forwarded === 'http' ? forwarded : protocol;
  return host !== undefined && HOST.test(host) ? `${scheme}://${host}` : undefined;
}
