// Asks a server by GET from a process of its own, each connection as fast as it is answered; answers over IPC.
import autocannon from 'autocannon';

export interface GetJob {
  readonly url: string;
  /** Asked one after the other by each connection. */
  readonly requests: readonly { readonly path: string; readonly headers?: Readonly<Record<string, string>> }[];
  readonly connections: number;
  readonly seconds: number;
}

export interface GetResult {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Connections that failed or waited too long. */
  readonly errors: number;
}

async function run({ url, requests, connections, seconds }: GetJob): Promise<GetResult> {
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    requests: requests.map(({ path, headers = {} }) => ({ method: 'GET' as const, path, headers })),
  });
  const statuses = Object.entries(result.statusCodeStats ?? {}).map(([status, { count = 0 }]) => [status, count]);
  return {
    perSecond: result.requests.total / result.duration,
    p50: result.latency.p50,
    p99: result.latency.p99,
    statuses: Object.fromEntries(statuses) as Record<string, number>,
    errors: result.errors,
  };
}

process.on('message', (job: GetJob) => {
  run(job).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
