import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { escaping } from './escaping.js';
import { until } from './until.js';

/** What is passed in, as long as it fails. */
export interface Trouble {
  readonly how: 'at once' | 'later';
  /** In the place of a function: fails while there is trouble, counts its calls, and then answers. */
  does<T>(answer: T): (...args: readonly unknown[]) => T;
  readonly calls: () => number;
  readonly end: () => void;
}

function trouble(how: Trouble['how']): Trouble {
  let isOver = false;
  let calls = 0;
  return {
    how,
    calls: () => calls,
    end: () => {
      isOver = true;
      calls = 0;
    },
    does: <T>(answer: T) => {
      return () => {
        calls += 1;
        if (isOver) return answer;
        const error = new Error('what was passed in fails');
        // Only what answers by a promise can fail later.
        if (how === 'at once' || !(answer instanceof Promise)) throw error;
        return Promise.reject(error) as T;
      };
    },
  };
}

/** It begins something that goes on by itself, and says how it is seen to go on. */
export interface Going {
  readonly name: string;
  readonly begin: (it_: Trouble) => { readonly goesOn: () => unknown; readonly stop?: () => unknown };
}

/** Tests that each goes on, and no exception escapes, when what it was given fails, at once and later. */
export function staysThoughThereFails(cases: readonly Going[]): void {
  describe('a process stays, and goes on, though there fails', () => {
    for (const { name, begin } of cases)
      for (const how of ['at once', 'later'] as const)
        it(`${name}, ${how}`, async (t) => {
          const escaped = escaping(t);
          const it_ = trouble(how);
          const { goesOn, stop = () => undefined } = begin(it_);
          t.after(() => stop());
          await until('it was tried', () => it_.calls() > 0);
          assert.deepEqual(await escaped(), []);
          it_.end();
          await until('it goes on', goesOn as () => Promise<boolean>);
          await stop();
          assert.deepEqual(await escaped(), []);
        });
  });
}
