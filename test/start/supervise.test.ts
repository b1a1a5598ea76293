import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { identityOf } from '../../scripts/servers/identity.mjs';
import { launch, stop } from '../../scripts/servers/process.mjs';
import { processRecords } from '../../scripts/servers/records.mjs';
import { type SupervisorOptions, supervise } from '../../scripts/servers/supervise.mjs';
import { until } from '../helper/until.js';

const folder = mkdtempSync(join(tmpdir(), 'supervise-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const { signal } = new AbortController();
const UNTIL_STOPPED = `process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1000);`;
let count = 0;

/** A service that runs the given JavaScript, and is ready when that sends a message. */
function service(code: string, bounds: { readonly readyBoundMs?: number; readonly stopBoundMs?: number } = {}) {
  count += 1;
  const logFile = join(folder, `service-${count}.log`);
  return {
    name: 'service',
    readyBoundMs: bounds.readyBoundMs ?? 60_000,
    stopBoundMs: bounds.stopBoundMs ?? 60_000,
    launch: () => launch({ command: process.execPath, args: ['-e', code], logFile, ipc: true }),
    ready: ({ child }: ReturnType<typeof launch>) =>
      new Promise<void>((resolve) =>
        child.once('message', () => {
          resolve();
        }),
      ),
  };
}

function watched(options: Partial<SupervisorOptions> = {}) {
  const said: string[] = [];
  const gaveUp: string[] = [];
  return {
    said,
    gaveUp,
    options: {
      say: (line: string) => said.push(line),
      giveUp: (reason: string) => gaveUp.push(reason),
      firstDelayMs: 10,
      ...options,
    },
  };
}

describe('a supervised service', () => {
  test('that is killed is reported and started again', async () => {
    const { said, gaveUp, options } = watched();
    const supervisor = supervise(service(`${UNTIL_STOPPED} process.send('ready');`), options);
    await supervisor.start(signal);
    const first = supervisor.pid();
    assert.ok(first);
    process.kill(first, 'SIGKILL');
    await until('it runs again', () => said.length === 2);
    assert.match(said[0] ?? '', /^service: died \(killed by SIGKILL\), starting it again in 0\.01 s$/);
    assert.equal(said[1], `service: running again, process ${supervisor.pid() ?? 0}`);
    assert.notEqual(supervisor.pid(), first);
    const last = supervisor.pid() ?? 0;
    await supervisor.stop();
    assert.equal(identityOf(last), undefined);
    assert.deepEqual(gaveUp, []);
  });

  test('that keeps dying is given up after five deaths, with the reason and its last words', async () => {
    const { said, gaveUp, options } = watched();
    const code = `process.send('ready', () => { console.error('out of luck'); process.exit(3); });`;
    const supervisor = supervise(service(code), options);
    await supervisor.start(signal);
    await until('it is given up', () => gaveUp.length > 0);
    await supervisor.stop();
    assert.equal(said.filter((line) => line.includes('died')).length, 4);
    assert.equal(gaveUp.length, 1);
    assert.match(gaveUp[0] ?? '', /^service died 5 times within 60 s \(exit code 3\):\nout of luck$/);
  });

  test('that others can do without is never given up: it is started now and then, and what it died of is told', async () => {
    const { said, gaveUp, options } = watched();
    const told: string[] = [];
    const persistence = {
      everyMs: 30,
      died: (how: string, isFailing: boolean) => {
        told.push(`died ${how} ${String(isFailing)}`);
        return '; attemptDelivery ran';
      },
      up: (isFailing: boolean) => told.push(`up ${String(isFailing)}`),
    };
    const code = `process.send('ready', () => { console.error('out of luck'); process.exit(3); });`;
    const supervisor = supervise(service(code), { ...options, persistence });
    await supervisor.start(signal);
    await until('nine deaths', () => said.filter((line) => line.includes('died (')).length >= 9);
    await supervisor.stop();
    assert.deepEqual(gaveUp, []);
    const pauses = said.flatMap(
      (line) => /died \(exit code 3; attemptDelivery ran\).* in ([\d.]+) s/.exec(line)?.[1] ?? [],
    );
    assert.deepEqual(pauses.slice(0, 9), ['0.01', '0.02', '0.04', '0.08', '0.03', '0.03', '0.03', '0.03', '0.03']);
    assert.equal(
      said.filter((line) => line === 'service died 5 times within 60 s (exit code 3):\nout of luck').length,
      1,
    );
    assert.deepEqual(told.slice(0, 3), ['up false', 'died exit code 3 false', 'up false']);
    assert.deepEqual(told.slice(9, 11), ['died exit code 3 true', 'up true']);
  });

  test('that has been failing is as others again when it has lived for long enough', async () => {
    const { said, options } = watched({ withinMs: 2_000, deaths: 1 });
    const ups: boolean[] = [];
    const persistence = { everyMs: 10, died: () => '', up: (isFailing: boolean) => ups.push(isFailing) };
    const once = join(folder, 'died-once');
    const code = `const fs = require('node:fs'); const again = fs.existsSync(${JSON.stringify(once)}); fs.writeFileSync(${JSON.stringify(once)}, '');
      ${UNTIL_STOPPED} process.send('ready', () => { if (!again) process.exit(3); });`;
    const supervisor = supervise(service(code), { ...options, persistence });
    await supervisor.start(signal);
    await until('it counts as running', () => ups.length === 3);
    assert.deepEqual(ups, [false, true, false]);
    await supervisor.stop();
    assert.equal(said.filter((line) => line.startsWith('service: died (')).length, 1);
  });

  test('is watched over though it cannot be launched for a while, nor told of', async () => {
    let launches = 0;
    const { said, gaveUp, options } = watched();
    const real = service(`process.send('ready', () => process.exit(3));`);
    const launchOnce = () => {
      launches += 1;
      if (launches > 1) throw new Error('the disk is full');
      return real.launch();
    };
    const full = (): never => {
      throw new Error('no space for it');
    };
    const records = { add: full, remove: full };
    const supervisor = supervise(
      { ...real, launch: launchOnce },
      { ...options, records, persistence: { everyMs: 10, died: full, up: full } },
    );
    await supervisor.start(signal);
    await until('it is tried again and again', () => launches > 7);
    await supervisor.stop();
    assert.deepEqual(gaveUp, []);
    assert.ok(said.some((line) => line.includes('died (the disk is full)')));
  });

  test('is not given up for deaths that are long ago', async () => {
    const { said, gaveUp, options } = watched({ withinMs: 1 });
    const supervisor = supervise(service(`process.send('ready', () => process.exit(3));`), options);
    await supervisor.start(signal);
    await until('eight deaths', () => said.filter((line) => line.includes('died')).length >= 8);
    await supervisor.stop();
    assert.deepEqual(gaveUp, []);
  });

  test('that does not start the first time fails at once with its last words', async () => {
    const { options } = watched();
    const supervisor = supervise(service(`console.error('port is taken'); process.exit(1);`), options);
    await assert.rejects(supervisor.start(signal), /service did not start: exit code 1\nport is taken/);
    await supervisor.stop();
  });

  test('that does not become ready is stopped', async () => {
    const { options } = watched();
    const supervisor = supervise(service(UNTIL_STOPPED, { readyBoundMs: 800 }), options);
    await assert.rejects(supervisor.start(signal), /not ready after 0\.8 s/);
    assert.equal(identityOf(supervisor.pid() ?? 0), undefined);
  });

  test('whose program does not exist fails with the reason', async () => {
    const { options } = watched();
    const missing = {
      ...service(''),
      launch: () => launch({ command: '/no/such/program', args: [], logFile: join(folder, 'missing.log') }),
    };
    await assert.rejects(supervise(missing, options).start(signal), /ENOENT/);
  });

  test('that does not stop when asked is forced to', async () => {
    const { said, options } = watched();
    const deaf = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); process.send('ready');`;
    const supervisor = supervise(service(deaf, { stopBoundMs: 300 }), options);
    await supervisor.start(signal);
    const pid = supervisor.pid() ?? 0;
    await supervisor.stop();
    assert.equal(identityOf(pid), undefined);
    assert.deepEqual(said, ['service: did not stop within 0.3 s and was forced to']);
  });

  test('stopped while it waits to be started again stays stopped', async () => {
    const { said, options } = watched({ firstDelayMs: 60_000 });
    const supervisor = supervise(service(`process.send('ready', () => process.exit(0));`), options);
    await supervisor.start(signal);
    await until('its death', () => said.length === 1);
    const pid = supervisor.pid();
    await supervisor.stop();
    assert.equal(supervisor.pid(), pid);
  });

  test('is not started at all once we are asked to stop', async () => {
    const { options } = watched();
    const supervisor = supervise(service(`process.send('ready');`), options);
    await assert.rejects(supervisor.start(AbortSignal.abort(new Error('interrupted'))), /interrupted/);
    assert.equal(supervisor.pid(), undefined);
  });

  test('is asked to stop when we are while it starts', async () => {
    const { options } = watched();
    const asked = new AbortController();
    const supervisor = supervise(service(UNTIL_STOPPED), options);
    const starting = supervisor.start(asked.signal);
    setTimeout(() => {
      asked.abort(new Error('interrupted'));
    }, 300);
    await assert.rejects(starting, /interrupted/);
    assert.equal(identityOf(supervisor.pid() ?? 0), undefined);
  });
});

describe('the records of a data folder', () => {
  test('let the next start stop what a killed one left, and nothing else', async (t) => {
    const file = join(folder, 'processes.json');
    const orphan = launch({
      command: process.execPath,
      args: ['-e', UNTIL_STOPPED],
      logFile: join(folder, 'orphan.log'),
    });
    const stranger = launch({
      command: process.execPath,
      args: ['-e', UNTIL_STOPPED],
      logFile: join(folder, 'stranger.log'),
    });
    t.after(() => Promise.all([stop(orphan, 0), stop(stranger, 0)]));
    const killed = processRecords(file);
    killed.add('mongod', orphan.pid);
    killed.add('temporal', stranger.pid);
    // As if the second pid had gone to another program since.
    const records = JSON.parse(readFileSync(file, 'utf8')) as { readonly pid: number; identity: string }[];
    for (const record of records) if (record.pid === stranger.pid) record.identity = 'another boot/1';
    writeFileSync(file, JSON.stringify(records));

    const said: string[] = [];
    await processRecords(file).stopOrphans((line) => said.push(line));
    assert.equal(identityOf(orphan.pid), undefined);
    assert.notEqual(identityOf(stranger.pid), undefined);
    assert.equal(said.length, 1);
    assert.match(said[0] ?? '', /^mongod: process \d+ was left by a start that was killed; stopped it$/);
    assert.equal(readFileSync(file, 'utf8'), '[]');
  });

  test('forget a process that ended', async () => {
    const file = join(folder, 'ended.json');
    const records = processRecords(file);
    const { options } = watched();
    const supervisor = supervise(service(`${UNTIL_STOPPED} process.send('ready');`), { ...options, records });
    await supervisor.start(signal);
    assert.match(readFileSync(file, 'utf8'), new RegExp(`"name":"service","pid":${supervisor.pid() ?? 0},`));
    await supervisor.stop();
    assert.equal(readFileSync(file, 'utf8'), '[]');
  });
});
