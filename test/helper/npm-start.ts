import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf } from '../../scripts/servers/identity.mjs';

/** What `npm start` writes to `ready.json`. */
export interface Ready {
  readonly pid: number;
  readonly apiUrl: string;
  readonly temporalUiUrl: string;
  readonly temporalAddress: string;
  readonly mongodbUrl: string;
  readonly ownerToken: string;
  readonly demo: { readonly appId: string; readonly apiKey: string; readonly serverKey: string; readonly dsn: string };
}

interface Recorded {
  readonly name: string;
  readonly pid: number;
}

const root = join(import.meta.dirname, '..', '..');
const PATIENCE_MS = 180_000;

/** `npm start` on a data folder, with servers of its own on free ports, whatever this test run was given. */
export function npmStart(dataDir: string, env: NodeJS.ProcessEnv = {}) {
  const none = ['MONGODB_URL', 'MONGODB_PORT', 'TEMPORAL_ADDRESS', 'TEMPORAL_PORT', 'TEMPORAL_UI_PORT', 'SECRET_KEY'];
  const child = spawn('npm', ['start', '--silent'], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Set to nothing rather than left out: a file named .env may name them.
    env: {
      ...process.env,
      ...Object.fromEntries(none.map((name) => [name, ''])),
      DATA_DIR: dataDir,
      PORT: '0',
      ...env,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = ending(child);

  /** Resolves with what is there once something is. */
  const until = async <T>(what: string, look: () => T | false | undefined): Promise<T> => {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = look();
      if (found !== false && found !== undefined) return found;
      assert.equal(child.exitCode, null, `npm start ended while waiting for ${what}:\n${output}`);
      assert.ok(Date.now() < end, `waited too long for ${what}:\n${output}`);
      await sleep(50);
    }
  };

  return {
    /** The exit code, or the signal that killed it. */
    ended,
    output: () => output,
    until,
    ready: async () => {
      await until('ready', () => output.includes('Owner token'));
      return JSON.parse(readFileSync(join(dataDir, 'ready.json'), 'utf8')) as Ready;
    },
    /** Asks npm to stop, as whoever runs it would, and waits for the end. */
    stop: async (signal: NodeJS.Signals) => {
      process.kill(child.pid ?? assert.fail('npm did not start'), signal);
      const end = await Promise.race([ended, sleep(PATIENCE_MS, 'late', { ref: false })]);
      assert.notEqual(end, 'late', output);
      return end;
    },
  };
}

function ending(child: ChildProcess) {
  return new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once('close', (code, signal) => {
      resolve(code ?? signal);
    }),
  );
}

/** The processes that run for a data folder, as its records say. */
export function recorded(dataDir: string): readonly Recorded[] {
  const file = join(dataDir, 'processes.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Recorded[]) : [];
}

export function pidOf(dataDir: string, name: string): number {
  return recorded(dataDir).find((record) => record.name === name)?.pid ?? assert.fail(`there is no ${name}`);
}

/**
 * The pids of everything that runs for a data folder, recorded or not: each has it in its command line or in its
 * environment. Where there is no /proc to look into, only what is recorded.
 */
export function processesOf(dataDir: string): number[] {
  const says = (pid: number, file: string) => {
    try {
      return readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(dataDir);
    } catch {
      return false;
    }
  };
  const all = existsSync('/proc/self/environ')
    ? readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []))
    : [];
  return [
    ...all.filter((pid) => says(pid, 'cmdline') || says(pid, 'environ')),
    ...recorded(dataDir).map(({ pid }) => pid),
  ].filter((pid) => identityOf(pid) !== undefined);
}
