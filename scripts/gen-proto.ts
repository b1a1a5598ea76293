/**
 * Generates `proto/gen/experience.{js,d.ts}` from the .proto files: `npm run gen:proto`. Given the same files and the
 * same protobufjs-cli it always writes the same bytes, so that `git diff` shows a forgotten run.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const proto = join(import.meta.dirname, '..', 'proto');
const require = createRequire(import.meta.url);
const pbjs = require.resolve('protobufjs-cli/bin/pbjs');
const target = ['-t', 'static-module', '-w', 'es6', '-r', 'experience', '--force-number'];
// JSON is read by our own reader and messages are plain objects: of the generated code only encode and decode are used.
const leftOut = ['--no-service', '--no-verify', '--no-convert', '--no-delimited', '--no-typeurl', '--no-create'];
const files = ['events.proto', 'errors.proto', 'flags.proto'];

function generate(out: string, ...options: string[]): void {
  execFileSync(process.execPath, [pbjs, ...target, ...leftOut, ...options, '-p', '.', '-o', out, ...files], {
    cwd: proto,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

mkdirSync(join(proto, 'gen'), { recursive: true });
const scratch = mkdtempSync(join(tmpdir(), 'gen-proto-'));
try {
  // The types are made from the comments, the committed code does without them.
  generate(join(scratch, 'typed.js'), '--dts');
  generate(join(scratch, 'bare.js'), '--no-comments');
  const code = readFileSync(join(scratch, 'bare.js'), 'utf8');
  const types = readFileSync(join(scratch, 'typed.d.ts'), 'utf8');
  // --force-number makes every int64 a `number` in the types, but leaves a Long object as the default of an absent one.
  const numbers = code.replaceAll('$util.Long ? $util.Long.fromBits(0,0,false) : 0', '0');
  writeFileSync(join(proto, 'gen', 'experience.js'), numbers);
  writeFileSync(join(proto, 'gen', 'experience.d.ts'), types.replace('import Long = require("long");\n', ''));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
