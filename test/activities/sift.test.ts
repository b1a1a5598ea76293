import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { culpritSearch } from '../../activities/culprit-search.js';
import { sift } from '../../activities/sift.js';

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('sifting what a transaction refuses', () => {
  const probeFor = (bad: ReadonlySet<number>) => {
    const probe = async (part: readonly number[]): Promise<unknown> => part.find((item) => bad.has(item));
    return probe;
  };

  it('takes out what is at fault and nothing else, wherever it stands', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.uniqueArray(fc.nat(59), { maxLength: 6 }),
        async (count, bad) => {
          const items = range(count);
          const { kept, refused } = await sift(items, probeFor(new Set(bad)), () => true);
          assert.deepEqual(
            kept,
            items.filter((item) => !bad.includes(item)),
          );
          assert.deepEqual(
            refused.map(({ item }) => item),
            items.filter((item) => bad.includes(item)),
          );
          assert.ok(
            refused.every(({ item, failure }) => item === failure),
            'each with its own failure',
          );
        },
      ),
    );
  });

  it('keeps each of two that only do not go together as long as the other is not in', async () => {
    const together = async (part: readonly number[]): Promise<unknown> =>
      part.includes(3) && part.includes(7) ? 'twice' : undefined;
    const { kept, refused } = await sift(range(10), together, () => true);
    assert.deepEqual(refused, [{ item: 7, failure: 'twice' }]);
    assert.equal(kept.length, 9);
  });

  it('ends within its bound, and then refuses what it does not know to pass', async () => {
    let probes = 0;
    const bad = new Set(range(3_000).filter((item) => item % 3 === 1));
    const { kept, refused } = await sift(range(3_000), probeFor(bad), () => ++probes <= 64);
    assert.equal(kept.length + refused.length, 3_000);
    assert.ok(kept.every((item) => !bad.has(item)));
    assert.ok(probes <= 66, String(probes));
  });
});

describe('searching for what a lane refuses', () => {
  /** Sends until all that is not refused is stored; a document is stored once, and read anew for each send. */
  function run(items: readonly string[], bad: ReadonlySet<string>, isNamed: boolean) {
    const search = culpritSearch(({ id }: { readonly id: string }) => id.slice(0, 1));
    const stored = new Set<string>();
    const refused = new Set<string>();
    for (let sends = 1; ; sends++) {
      assert.ok(sends < 1_000, 'it ends');
      const missing = items.filter((id) => !stored.has(id) && !refused.has(id)).map((id) => ({ id }));
      const sent = search.next(missing);
      assert.ok(sent.length > 0 || missing.length === 0, 'it goes on');
      const faults = sent.flatMap(({ id }, index) => (bad.has(id) ? [index] : []));
      if (faults.length === 0 || isNamed) for (const { id } of sent) if (!bad.has(id)) stored.add(id);
      if (faults.length === 0 && sent.length === missing.length) return { stored, refused, sends };
      if (faults.length === 0) continue;
      for (const { id } of search.refused(sent, missing, isNamed ? faults : [])) refused.add(id);
    }
  }
  const of = (app: string, count: number): string[] => range(count).map((n) => `${app}${String(n)}`);

  it('leaves out all that mongod names, in the next send', () => {
    const { refused, sends } = run([...of('a', 20), ...of('b', 20)], new Set(['a3', 'a9', 'b1']), true);
    assert.deepEqual([...refused].sort(), ['a3', 'a9', 'b1']);
    assert.equal(sends, 2);
  });

  it('comes down to the one at fault where the command is refused as a whole', () => {
    const { stored, refused } = run([...of('a', 40), ...of('b', 40)], new Set(['b17']), false);
    assert.deepEqual([...refused], ['b17']);
    assert.equal(stored.size, 79);
  });

  it('refuses the rest of an app after a dozen sends, and never another app’s', () => {
    const items = [...of('a', 1_000), ...of('b', 1_000), ...of('c', 1_000)];
    const bad = new Set(of('b', 1_000).filter((_, index) => index % 2 === 0));
    const { stored, refused, sends } = run(items, bad, false);
    assert.ok([...refused].every((item) => item.startsWith('b')));
    assert.ok([...bad].every((item) => refused.has(item)));
    assert.equal([...stored].filter((item) => !item.startsWith('b')).length, 2_000);
    assert.ok(sends < 40, String(sends));
  });
});
