import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Passed {
  /** What the service behind answered, whatever the client was told. */
  readonly status: number;
  readonly answer: unknown;
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/**
 * A bad network between a client and the service at `target`: every request arrives there, but of the first `failures`
 * the client hears 500 instead of the answer.
 */
export async function answeringLate(target: string, failures: number) {
  const passed: Passed[] = [];
  let left = failures;
  const server = createServer((request, reply) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { authorization, 'content-type': type } = request.headers;
      const headers = { ...(authorization && { authorization }), ...(type && { 'content-type': type }) };
      const body = Buffer.concat(chunks);
      void fetch(`${target}${request.url ?? ''}`, { method: 'POST', headers, body }).then(async (answer) => {
        const text = await answer.text();
        const retry = request.headers['x-retry-count'];
        passed.push({
          status: answer.status,
          answer: JSON.parse(text),
          headers: { 'x-retry-count': Array.isArray(retry) ? retry[0] : retry },
        });
        if (left-- > 0) reply.writeHead(500).end('{}');
        else reply.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    passed,
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
