import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { copyTree } from '../../scripts/copy-tree.js';
import { findings, sections } from './findings.js';
import { PLANTS, type CheckName, type Plant } from './plants.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const GENERATED = 'proto/gen/experience.js';
const UNUSED_DEPENDENCY = 'webpack-sources';

async function plant(copy: string, { path, source, unformatted }: Plant): Promise<void> {
  const options = await resolveConfig(join(root, 'package.json'));
  const text = unformatted ? source : await format(source, { ...options, filepath: path });
  await mkdir(dirname(join(copy, path)), { recursive: true });
  await writeFile(join(copy, path), text);
}

/** What `npm run check` prints in `copy`, and its exit code. */
async function check(copy: string, ...names: string[]): Promise<{ readonly code: number; readonly output: string }> {
  const args = ['--import', 'tsx', 'scripts/check.ts', ...names];
  try {
    const { stdout } = await run(process.execPath, args, { cwd: copy, maxBuffer: 64 * 1024 * 1024 });
    return { code: 0, output: stdout };
  } catch (error) {
    const { code, stdout } = error as { readonly code: number; readonly stdout: string };
    return { code, output: stdout };
  }
}

describe('npm run check', () => {
  let copy: string;
  let output: string;
  let code: number;
  const reported = (name: CheckName) => findings(name, sections(output).get(name) ?? '', copy);

  before(async () => {
    copy = await realpath(await mkdtemp(join(tmpdir(), 'experience-rules-')));
    await copyTree(root, copy);
    await run('git', ['init', '--quiet'], { cwd: copy });
    for (const each of PLANTS) await plant(copy, each);
    await appendFile(join(copy, GENERATED), '// planted\n');
    const manifest = JSON.parse(await readFile(join(copy, 'package.json'), 'utf8')) as Record<string, object>;
    manifest['dependencies'] = { ...manifest['dependencies'], [UNUSED_DEPENDENCY]: '*' };
    // Only the planted files: that all others are clean is what `npm run check` itself says, at length.
    const scripts = manifest['scripts'] as Readonly<Record<string, string>>;
    const narrow = (name: string): readonly [string, string | undefined] => [
      name,
      scripts[name]?.replace(/ \.$/, ` ${PLANTS.map(({ path }) => path).join(' ')}`),
    ];
    manifest['scripts'] = {
      ...scripts,
      ...Object.fromEntries(['check:lint', 'check:layers', 'check:format'].map(narrow)),
    };
    await writeFile(join(copy, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    ({ code, output } = await check(copy));
  });

  after(async () => {
    await rm(copy, { recursive: true, force: true });
  });

  for (const { path, breaks, allowedBy = [] } of PLANTS) {
    for (const [name, rules] of Object.entries(breaks) as [CheckName, readonly string[]][]) {
      test(`${name} reports ${path} as ${rules.join(', ')}`, () => {
        const here = reported(name).flatMap(({ file, rule }) => (file === path ? [rule] : []));
        for (const rule of rules)
          assert.ok(here.includes(rule), `reported: ${here.join(', ') || 'nothing'}\n${output}`);
      });
    }
    for (const name of allowedBy) {
      test(`${name} has nothing against ${path}`, () => {
        assert.deepEqual(
          reported(name).filter(({ file }) => file === path),
          [],
        );
      });
    }
  }

  test('dead-code reports a dependency that nothing uses', () => {
    const unused = reported('dead-code').filter(({ rule }) => rule === 'Unused dependencies');
    assert.ok(unused.some(({ symbol }) => symbol === UNUSED_DEPENDENCY));
  });

  test('generated reports a file that its generator would write differently', () => {
    const planted = reported('generated').filter(({ file }) => file === GENERATED);
    assert.deepEqual(planted, [{ file: GENERATED, rule: 'stale' }]);
  });

  test('runs every check to its end and fails', () => {
    assert.equal(code, 1);
    for (const name of ['lint', 'generated', 'types', 'layers', 'format', 'domain', 'dead-code']) {
      assert.match(output, new RegExp(`^FAIL {2}${name} `, 'm'));
    }
    assert.match(output, /^7 failed in /m);
  });

  test('refuses a check that does not exist', async () => {
    const refused = await check(copy, 'spelling');
    assert.equal(refused.code, 1);
  });

  test('reports nothing else: without what was planted, it passes', async () => {
    const planted = new Set([...PLANTS.map(({ path }) => path), GENERATED, 'package.json']);
    const others = ([...sections(output).keys()] as CheckName[]).flatMap((name) =>
      reported(name).flatMap(({ file, rule }) => (planted.has(file) ? [] : [`${name}: ${file} ${rule}`])),
    );
    assert.deepEqual(others, []);

    for (const { path } of PLANTS) await rm(join(copy, path));
    const clean = await check(copy, 'domain');
    assert.equal(clean.code, 0, clean.output);
    assert.match(clean.output, /^all passed in /m);
  });
});
