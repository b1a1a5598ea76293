import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, temporaryPostgresql } from './postgresql.js';

const here = import.meta.dirname;
const ADMIN = '*:*.bench-admin-token-0123456789abcdef';
const FRONTEND = 'default:development.bench-frontend-token-0123456789abcdef';

interface ServerFlag {
  readonly key: string;
  readonly constraints: readonly object[];
  readonly percentage: number;
}

/** Unleash's open-source server with these flags, each with constraints that must all hold and a percentage, on loopback. `path` is what its frontend clients ask. */
export async function unleash(flags: readonly ServerFlag[]) {
  if (!existsSync(join(here, 'node_modules', 'unleash-server'))) {
    execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: here, stdio: 'ignore' });
  }
  const postgresql = await temporaryPostgresql();
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const server = spawn(process.execPath, [join(here, 'node_modules', 'unleash-server', 'dist', 'server.js')], {
    cwd: here,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      HTTP_HOST: '127.0.0.1',
      HTTP_PORT: String(port),
      DATABASE_HOST: '127.0.0.1',
      DATABASE_PORT: String(postgresql.port),
      DATABASE_NAME: 'postgres',
      DATABASE_USERNAME: postgresql.user,
      DATABASE_PASSWORD: '',
      DATABASE_SSL: 'false',
      AUTH_TYPE: 'none',
      INIT_ADMIN_API_TOKENS: ADMIN,
      INIT_FRONTEND_API_TOKENS: FRONTEND,
      CHECK_VERSION: 'false',
      SEND_TELEMETRY: 'false',
      LOG_LEVEL: 'error',
    },
  });
  const stop = async (): Promise<void> => {
    const gone = once(server, 'exit');
    if (server.exitCode === null) {
      server.kill('SIGTERM');
      await gone;
    }
    await postgresql.stop();
  };

  const admin = async (method: string, path: string, body?: object): Promise<void> => {
    const answer = await fetch(`${url}/api/admin/projects/default/features${path}`, {
      method,
      headers: { authorization: ADMIN, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!answer.ok) throw new Error(`${method} ${path}: ${String(answer.status)} ${await answer.text()}`);
  };
  try {
    await healthy(url, () => server.exitCode !== null);
    for (const { key, constraints, percentage } of flags) {
      await admin('POST', '', { name: key, type: 'release' });
      await admin('POST', `/${key}/environments/development/strategies`, {
        name: 'flexibleRollout',
        parameters: { rollout: String(percentage), stickiness: 'userId', groupId: key },
        constraints,
      });
      await admin('POST', `/${key}/environments/development/on`);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, path: '/api/frontend', headers: { authorization: FRONTEND }, stop };
}

async function healthy(url: string, gone: () => boolean): Promise<void> {
  for (let tries = 0; ; tries++) {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    if (answer?.ok) return;
    if (tries > 600 || gone()) throw new Error('unleash-server did not start');
    await sleep(200);
  }
}
