import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { cacheDirOf, cached } from '../../scripts/servers/cache.mjs';
import { identityOf } from '../../scripts/servers/identity.mjs';
import { findMongod } from '../../scripts/servers/mongod-binary.mjs';
import { run } from '../../scripts/servers/run.mjs';
import { download, isAtLeast, search } from '../../scripts/servers/search.mjs';
import { findTemporal } from '../../scripts/servers/temporal-binary.mjs';
import { until } from '../helper/until.js';

const { signal } = new AbortController();
let folder = '';
let said: string[] = [];
const say = (line: string) => said.push(line);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'search-'));
  said = [];
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** An executable that prints, as `--version` of a server would. */
function program(path: string, output: string) {
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, `#!/bin/sh\ncat <<'END'\n${output}\nEND\n`);
  chmodSync(path, 0o755);
}

const fails = (reason: string) => () => Promise.reject(new Error(reason));

describe('a search', () => {
  test('takes the first step that works, and gives each step one line', async () => {
    const found = { path: '/there', version: '7.0.1' };
    const steps = [
      { name: 'first', find: fails('there is none\nand more about it') },
      { name: 'second', find: async () => found },
      { name: 'third', find: fails('never asked') },
    ];
    assert.deepEqual(await search({ what: 'server', steps, otherwise: '', say, signal }), found);
    assert.deepEqual(said, ['server: first: there is none', 'server: second: 7.0.1 at /there']);
  });

  test('that finds nothing says what was tried, why each failed, and what to do', async () => {
    const steps = [
      { name: 'first', find: fails('too old') },
      { name: 'second', find: fails('not reached') },
    ];
    await assert.rejects(search({ what: 'server', steps, otherwise: 'Install one.', say, signal }), {
      message: 'no server was found. Tried:\n  - first: too old\n  - second: not reached\nInstall one.',
    });
  });
});

describe('mongod', () => {
  test('is taken from PATH when it is new enough', async () => {
    program(join(folder, 'bin', 'mongod'), 'db version v7.0.14\nBuild Info: {}');
    const env = { PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}` };
    const found = await findMongod({ env, cacheDir: join(folder, 'cache'), say, signal });
    assert.deepEqual(found, { path: join(folder, 'bin', 'mongod'), version: '7.0.14' });
  });

  test('on PATH that is too old is passed over for the one in the cache', async () => {
    program(join(folder, 'bin', 'mongod'), 'db version v5.0.30');
    program(join(folder, 'cache', 'mongod-6.0.5', 'mongod'), 'db version v6.0.5');
    const env = { PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}` };
    const found = await findMongod({ env, cacheDir: join(folder, 'cache'), say, signal });
    assert.equal(found.version, '6.0.5');
    assert.match(said[0] ?? '', /^mongod: PATH: 5\.0\.30 at .* is older than 6\.0\.0$/);
  });
});

describe('temporal', () => {
  test('is judged by the server it holds', async () => {
    program(join(folder, 'bin', 'temporal'), 'temporal version 1.0.0 (Server 1.24.2, UI 2.28.0)');
    program(
      join(folder, 'cache', 'temporal-1.5.1', 'temporal'),
      'temporal version 0.0.0-DEV (Server 1.29.1, UI 2.42.1)',
    );
    const env = { PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}` };
    const found = await findTemporal({ env, cacheDir: join(folder, 'cache'), say, signal });
    assert.equal(found.version, 'server 1.29.1');
    assert.match(said[0] ?? '', /server 1\.24\.2 at .* is older than 1\.27\.0/);
  });
});

describe('the cache', () => {
  test("is in the user's cache folder", () => {
    assert.equal(cacheDirOf({ XDG_CACHE_HOME: '/elsewhere' }), '/elsewhere/experience');
    assert.match(cacheDirOf({ XDG_CACHE_HOME: '' }), /\/\.cache\/experience$/);
  });

  test('makes a thing once, also for two who want it at once', async () => {
    let made = 0;
    const make = async (draft: string) => {
      made += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
      writeFileSync(join(draft, 'server'), 'binary');
    };
    const options = { cacheDir: folder, name: 'server-1', say, signal };
    const paths = await Promise.all([cached(options, make), cached(options, make)]);
    assert.deepEqual(paths, [join(folder, 'server-1'), join(folder, 'server-1')]);
    assert.equal(made, 1);
    assert.equal(readFileSync(join(folder, 'server-1', 'server'), 'utf8'), 'binary');
  });

  test('keeps nothing of what could not be made whole', async () => {
    const options = { cacheDir: folder, name: 'server-1', say, signal };
    const make = async (draft: string) => {
      writeFileSync(join(draft, 'half'), '');
      throw new Error('the line broke');
    };
    await assert.rejects(cached(options, make), /the line broke/);
    assert.deepEqual(
      readdirSync(folder).filter((name) => name !== 'locks'),
      [],
    );
  });
});

describe('a download', () => {
  test('is given up when nothing arrives', async () => {
    const script = join(folder, 'hangs.mjs');
    writeFileSync(script, `setTimeout(() => {}, 60_000);`);
    await assert.rejects(download({ script, folder, signal, stallMs: 1000 }), /nothing arrived for 1 s/);
  });

  test('goes on while something arrives', async () => {
    const script = join(folder, 'slow.mjs');
    const target = join(folder, 'parts');
    mkdirSync(target);
    writeFileSync(
      script,
      `import { appendFileSync } from 'node:fs';
       for (let i = 0; i < 25; i += 1) {
         appendFileSync(process.argv[2] + '/part', 'x');
         await new Promise((resolve) => setTimeout(resolve, 300));
       }`,
    );
    // Shorter than all of it takes, and long enough for a busy machine to start it.
    await download({ script, folder: target, signal, stallMs: 6000 });
    assert.equal(readFileSync(join(target, 'part'), 'utf8').length, 25);
  });

  test('gives the last thing it said as the reason when it fails', async () => {
    const script = join(folder, 'fails.mjs');
    writeFileSync(script, `console.error('host not found'); process.exitCode = 1;`);
    await assert.rejects(download({ script, folder, signal }), { message: 'host not found' });
  });
});

describe('a command', () => {
  test('that is not done in time is killed with its children', async () => {
    const children = join(folder, 'children');
    await assert.rejects(
      run('sh', ['-c', `sleep 600 & echo $! > ${children}; sleep 600`], { signal, boundMs: 2000 }),
      /not done after 2 s/,
    );
    const child = Number(readFileSync(children, 'utf8'));
    await until('its child is gone', () => identityOf(child) === undefined);
  });
});

test('versions are compared by number', () => {
  assert.equal(isAtLeast('6.0.10', '6.0.9'), true);
  assert.equal(isAtLeast('10.0.0', '9.9.9'), true);
  assert.equal(isAtLeast('6.0', '6.0.0'), true);
  assert.equal(isAtLeast('5.0.30', '6.0.0'), false);
  assert.equal(isAtLeast('1.26.9', '1.27.0'), false);
});
