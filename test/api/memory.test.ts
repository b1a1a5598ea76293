import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { CACHE_BYTES } from '../../api/memory.js';
import { metrics } from '../../api/metrics.js';

const MIB = 1024 * 1024;

describe('what caches of the API may take', () => {
  it('is 96 MiB at most, all together', () => {
    const all = Object.values(CACHE_BYTES).reduce((sum, bytes) => sum + bytes, 0);
    assert.ok(all <= 96 * MIB, `${String(all / MIB)} MiB`);
  });

  it('is what docs/architecture.md says', () => {
    const docs = readFileSync(join(import.meta.dirname, '../../docs/architecture.md'), 'utf8');
    const table = [...docs.matchAll(/^\| `(\w+)` +\| (\d+) +\|/gm)].map(([, name, mib]) => [name, Number(mib) * MIB]);
    assert.deepEqual(Object.fromEntries(table), CACHE_BYTES);
  });

  it('is told to whoever watches it', async () => {
    const { registry, caches } = metrics();
    caches({ people: () => 17 });
    assert.match(await registry.metrics(), /^experience_cache_bytes\{cache="people"\} 17$/m);
  });
});
