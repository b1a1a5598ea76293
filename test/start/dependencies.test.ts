import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { dependenciesMatch, ensureDependencies } from '../../scripts/dependencies.mjs';

const a = { version: '1.0.0', integrity: 'sha512-a' };
const b = { version: '2.0.0', integrity: 'sha512-b' };
const root = { name: 'experience' };

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dependencies-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function lockfile(packages: object) {
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify({ lockfileVersion: 3, packages }));
}

function installed(packages: object) {
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  writeFileSync(join(folder, 'node_modules', '.package-lock.json'), JSON.stringify({ packages }));
}

describe('node_modules', () => {
  test('matches the lockfile when every package is there in its version', () => {
    lockfile({ '': root, 'node_modules/a': a, 'node_modules/b': b });
    installed({ 'node_modules/a': a, 'node_modules/b': b });
    assert.equal(dependenciesMatch(folder), true);
  });

  test('may lack what is optional, such as builds for other platforms', () => {
    lockfile({ '': root, 'node_modules/a': a, 'node_modules/b': { ...b, optional: true } });
    installed({ 'node_modules/a': a });
    assert.equal(dependenciesMatch(folder), true);
  });

  test('does not match when it is missing, as on a bare clone', () => {
    lockfile({ '': root });
    assert.equal(dependenciesMatch(folder), false);
  });

  for (const [why, packages] of [
    ['a package is missing', { 'node_modules/a': a }],
    ['a version differs', { 'node_modules/a': a, 'node_modules/b': { ...b, version: '2.0.1' } }],
    ['the content differs', { 'node_modules/a': a, 'node_modules/b': { ...b, integrity: 'sha512-c' } }],
    ['there is one too many', { 'node_modules/a': a, 'node_modules/b': b, 'node_modules/c': a }],
  ] as const) {
    test(`does not match when ${why}`, () => {
      lockfile({ '': root, 'node_modules/a': a, 'node_modules/b': b });
      installed(packages);
      assert.equal(dependenciesMatch(folder), false);
    });
  }

  test('is made by npm when it does not match, and left alone when it does', async () => {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'bare', version: '1.0.0' }));
    writeFileSync(
      join(folder, 'package-lock.json'),
      JSON.stringify({
        name: 'bare',
        version: '1.0.0',
        lockfileVersion: 3,
        requires: true,
        packages: { '': { name: 'bare', version: '1.0.0' } },
      }),
    );
    mkdirSync(join(folder, 'node_modules', 'left-over'), { recursive: true });
    writeFileSync(join(folder, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: { gone: a } }));
    const said: string[] = [];
    const options = {
      root: folder,
      cacheDir: join(folder, 'cache'),
      say: (line: string) => said.push(line),
      signal: new AbortController().signal,
    };
    assert.equal(dependenciesMatch(folder), false);
    await ensureDependencies(options).catch((error: unknown) => {
      // With nothing to install npm leaves no record, so that we say so: which shows that npm did run.
      assert.match(String(error), /npm ci ended well/);
    });
    assert.deepEqual(said, ['npm ci: installing the dependencies']);
    installed({});
    await ensureDependencies(options);
    assert.equal(said.length, 1);
  });
});
