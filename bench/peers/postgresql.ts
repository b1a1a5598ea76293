import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const DEBIAN = '/usr/lib/postgresql';

/** A PostgreSQL of Debian's package on loopback, for peers that need one. Gone with `stop`. */
export async function temporaryPostgresql() {
  const [version] = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  if (version === undefined) throw new Error('no PostgreSQL here: apt-get install postgresql');
  const binary = (name: string): string => join(DEBIAN, version, 'bin', name);
  const dataDir = mkdtempSync(join(tmpdir(), 'experience-bench-postgresql-'));
  // It refuses to run as root.
  const as: Partial<Account> = process.getuid?.() === 0 ? accountOf('postgres') : {};
  if (as.uid !== undefined && as.gid !== undefined) chownSync(dataDir, as.uid, as.gid);

  execFileSync(binary('initdb'), ['-D', dataDir, '-U', 'bench', '--auth=trust', '--no-sync'], {
    ...as,
    stdio: 'ignore',
    cwd: dataDir,
  });
  const port = await freePort();
  const args = ['-D', dataDir, '-p', String(port), '-h', '127.0.0.1', '-k', dataDir];
  const server = spawn(binary('postgres'), args, { ...as, stdio: 'ignore', cwd: dataDir });
  for (let tries = 0; ; tries++) {
    try {
      execFileSync(binary('pg_isready'), ['-h', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
      break;
    } catch (error) {
      if (tries > 100 || server.exitCode !== null) throw error;
      await sleep(100);
    }
  }
  return {
    port,
    user: 'bench',
    async stop(): Promise<void> {
      const gone = once(server, 'exit');
      server.kill('SIGINT');
      await gone;
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

interface Account {
  readonly uid: number;
  readonly gid: number;
}

function accountOf(name: string): Account {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((each) => each.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined) throw new Error(`there is no account ${name} to run PostgreSQL as`);
  return { uid: Number(uid), gid: Number(gid) };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
