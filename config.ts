import { type Network, networkOf } from './domain/client-address.js';
import { lookup } from './domain/loose.js';

export interface Config {
  readonly mongodbUrl: string;
  readonly temporalAddress: string | undefined;
  readonly temporalNamespace: string;
  readonly secretKey: string;
  readonly host: string;
  readonly port: number;
  readonly logLevel: string;
  readonly workflowBundle: string | undefined;
  readonly dedupeHours: number;
  readonly spoolMaxBytes: number;
  readonly requestsPerSecondPerKey: number;
  readonly requestsPerSecondPerAddress: number;
  /** The proxies whose `X-Forwarded-For` counts. */
  readonly trustProxy: readonly Network[];
  /** Where people reach this instance; without it alerts have no links. */
  readonly publicUrl: string | undefined;
  readonly smtp: { readonly url: string; readonly from: string } | undefined;
  readonly webhookAllowPrivate: boolean;
  /** Where a worker notes what it is doing, for when it dies. */
  readonly activityNotesFile: string | undefined;
  /** Where whoever watches over the worker says how it is. */
  readonly workerStatusFile: string | undefined;
  /** Whoever brings it may read the metrics; without it, only who asks from this host. */
  readonly metricsToken: string | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The environment, read once and frozen.
 * @throws Error that names every bad variable at once.
 */
export function readConfig(env: Env): Config {
  const problems: string[] = [];

  const text = (name: string, fallback?: string): string => {
    const value = lookup(env, name) ?? fallback;
    if (value === undefined || value === '') problems.push(`${name} is missing`);
    return value ?? '';
  };
  const whole = (name: string, fallback: number, least: number, most: number): number => {
    const given = lookup(env, name) ?? '';
    const value = given === '' ? fallback : Number(given);
    if (!Number.isInteger(value) || value < least || value > most) {
      problems.push(`${name} must be a whole number from ${String(least)} to ${String(most)}`);
    }
    return value;
  };

  const url = (name: string, schemes: readonly string[]): string | undefined => {
    const value = lookup(env, name);
    if (value === undefined || value === '') return undefined;
    const isUrl = URL.canParse(value) && schemes.includes(new URL(value).protocol);
    if (!isUrl) problems.push(`${name} must be a URL that begins with ${schemes.join(' or ')}`);
    return value.replace(/\/+$/, '');
  };
  const flag = (name: string): boolean => {
    const value = lookup(env, name) ?? '';
    if (!['', 'true', 'false'].includes(value)) problems.push(`${name} must be true or false`);
    return value === 'true';
  };
  const optional = (name: string): string | undefined => lookup(env, name) || undefined;
  const networks = (name: string): Network[] => {
    const given = (lookup(env, name) ?? '').split(',').map((each) => each.trim());
    return given
      .filter((each) => each !== '')
      .flatMap((each) => {
        const network = networkOf(each);
        if (network === undefined) problems.push(`${name} must be addresses or CIDRs, not ${each}`);
        return network === undefined ? [] : [network];
      });
  };
  const smtpUrl = url('SMTP_URL', ['smtp:', 'smtps:']);

  const config: Config = {
    mongodbUrl: text('MONGODB_URL'),
    temporalAddress: env['TEMPORAL_ADDRESS'],
    temporalNamespace: text('TEMPORAL_NAMESPACE', 'default'),
    secretKey: text('SECRET_KEY'),
    host: text('HOST', '127.0.0.1'),
    port: whole('PORT', 4400, 0, 65_535),
    logLevel: text('LOG_LEVEL', 'info'),
    workflowBundle: env['WORKFLOW_BUNDLE'],
    dedupeHours: whole('DEDUPE_HOURS', 48, 1, 24 * 90),
    spoolMaxBytes: whole('SPOOL_MAX_MB', 1024, 1, 1_000_000) * 1024 * 1024,
    requestsPerSecondPerKey: whole('REQUESTS_PER_SECOND_PER_KEY', 5_000, 1, 1_000_000),
    requestsPerSecondPerAddress: whole('REQUESTS_PER_SECOND_PER_ADDRESS', 500, 1, 1_000_000),
    trustProxy: networks('TRUST_PROXY'),
    publicUrl: url('PUBLIC_URL', ['http:', 'https:']),
    smtp: smtpUrl === undefined ? undefined : { url: smtpUrl, from: text('SMTP_FROM') },
    webhookAllowPrivate: flag('WEBHOOK_ALLOW_PRIVATE'),
    activityNotesFile: optional('ACTIVITY_NOTES_FILE'),
    workerStatusFile: optional('WORKER_STATUS_FILE'),
    metricsToken: optional('METRICS_TOKEN'),
  };
  if (config.secretKey.length < 32) problems.push('SECRET_KEY needs at least 32 characters');
  if (config.metricsToken !== undefined && !/^[!-~]{32,}$/.test(config.metricsToken)) {
    problems.push('METRICS_TOKEN needs at least 32 characters, without spaces');
  }
  if (problems.length > 0) throw new Error(`configuration: ${problems.join('; ')}`);
  return Object.freeze(config);
}
