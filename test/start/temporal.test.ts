import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Client, Connection } from '@temporalio/client';
import { freePort } from '../../scripts/servers/ports.mjs';
import { temporal } from '../../scripts/servers/temporal.mjs';
import { controlled, processFolder, temporalBinary } from '../helper/engines.js';
import { until } from '../helper/until.js';

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly allowed: unknown;
}

/** By `node:http`, since `fetch` names the host it connects to. */
function send(port: number, method: string, path: string, headers: Record<string, string>, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (some: string) => (text += some));
      const allowed = answer.headers['access-control-allow-origin'];
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, allowed }));
    });
    sent.on('error', reject).end(body);
  });
}

describe('the Temporal that npm start runs', () => {
  const processes = processFolder();
  let ports: { grpc: number; ui: number; http: number; metrics: number };
  let server: ReturnType<typeof controlled>;
  let address: string;
  before(async () => {
    ports = { grpc: await freePort(), ui: await freePort(), http: await freePort(), metrics: await freePort() };
    const file = join(processes.folder, 'temporal', 'temporal.db');
    const logFile = join(processes.folder, 'temporal.log');
    const service = temporal({ binary: await temporalBinary(), file, logFile, ports });
    address = service.address;
    server = controlled(service, processes);
    await server.start();
  });
  after(async () => {
    await server.stop();
    processes.remove();
  });

  // What a form or `fetch` of any web page may send without being asked for permission first.
  const start = JSON.stringify({ workflowType: { name: 'foreign' }, taskQueue: { name: 'foreign' } });
  const simple = { origin: 'https://evil.example', 'content-type': 'text/plain' };
  const workflows = '/api/v1/namespaces/default/workflows';

  it('serves nobody by HTTP, wherever a request comes from and whomever it is for', async () => {
    const own = ['127.0.0.1', 'localhost'].flatMap((host) => [host, `${host}:${String(ports.http)}`]);
    for (const host of ['evil.example', 'no%20host', ...own]) {
      const posted = await send(ports.http, 'POST', `${workflows}/foreign`, { ...simple, host }, start);
      assert.equal(posted.status, 403, `${host}: ${posted.text}`);
      const read = await send(ports.http, 'GET', '/api/v1/namespaces', { host });
      assert.equal(read.status, 403, `${host}: ${read.text}`);
    }
  });

  it('shows its UI, which takes no orders from other pages and lets none read', async () => {
    const page = await send(ports.ui, 'GET', '/', {});
    assert.equal(page.status, 200);
    // Its own connection to the server comes up a moment after it.
    const read = await until('the UI reads', async () => {
      const answer = await send(ports.ui, 'GET', workflows, { origin: 'https://evil.example' });
      return answer.status === 200 && answer;
    });
    assert.equal(read.allowed, undefined);
    const asked = { ...simple, 'access-control-request-method': 'POST' };
    assert.equal((await send(ports.ui, 'OPTIONS', workflows, asked)).allowed, undefined);
    const posted = await send(ports.ui, 'POST', `${workflows}/foreign`, simple, start);
    assert.equal(posted.status, 400);
    assert.match(posted.text, /csrf/);
  });

  it('has started nothing of all that', async () => {
    const connection = await Connection.connect({ address });
    const client = new Client({ connection });
    await assert.rejects(client.workflow.getHandle('foreign').describe(), { name: 'WorkflowNotFoundError' });
    await connection.close();
  });
});
