/** Writes `test/vectors/proto` with Google's protobuf for Python and has it read ours: see proto-vectors.py. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CODECS, readVectors, VECTORS } from '../test/proto/vectors.js';

const python = (mode: string) =>
  execFileSync(process.env['PYTHON'] ?? 'python3', ['-B', join(import.meta.dirname, 'proto-vectors.py'), mode], {
    stdio: 'inherit',
  });

python('write');
mkdirSync(join(VECTORS, 'ours'));
for (const { name, message, exact, value } of readVectors()) {
  const bytes = CODECS[message]?.encode(value);
  if (exact && bytes !== undefined) writeFileSync(join(VECTORS, 'ours', `${name}.bin`), bytes);
}
python('verify');
