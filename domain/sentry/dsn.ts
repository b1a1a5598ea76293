/** What an SDK is given to know where to send, and as whom: `https://KEY@host/DSN_ID`. */
export interface Dsn {
  readonly key: string;
  readonly dsnId: string;
}

const DSN = /^https?:\/\/(\w+)(?::\w*)?@[^\s@]+\/(\d+)\/?$/;
const LONGEST = 1024;

export function dsnOf(value: unknown): Dsn | undefined {
  if (typeof value !== 'string' || value.length > LONGEST) return undefined;
  const [, key, dsnId] = DSN.exec(value) ?? [];
  return key === undefined || dsnId === undefined ? undefined : { key, dsnId };
}

/** The key in `X-Sentry-Auth: Sentry sentry_version=7, sentry_key=KEY, ...`. */
export const keyInSentryAuth = (header: string): string | undefined =>
  /^Sentry .*?\bsentry_key=(\w+)/i.exec(header.slice(0, LONGEST))?.[1];
