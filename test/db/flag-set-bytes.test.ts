import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decoded } from '../../db/bson-documents.js';
import { setEncoder } from '../../db/flag-set-bytes.js';
import type { FlagContext } from '../../domain/flag.js';
import { compileFlags } from '../../domain/flag-evaluation.js';
import { changedSetOf, setOf } from '../../domain/flag-set.js';
import { newFlag, newRule } from '../helper/flags.js';

type Drafts = readonly ReturnType<typeof newFlag>[];

describe('the bytes of a flag set', () => {
  const compile = (flags: Drafts) =>
    compileFlags({ version: 3, flags: flags.map((flag) => ({ ...flag, version: 3 })), segments: [] });

  /** Both ways of writing it down are compared. */
  function same(flags: Drafts, contexts: readonly FlagContext[]): Uint8Array[] {
    const compiled = compile(flags);
    const encode = setEncoder();
    // All are made before any is looked at: one may not overwrite another.
    const made = contexts.map((context) => {
      const changed = changedSetOf(compiled, context, undefined);
      assert.ok(changed);
      return encode(changed);
    });
    contexts.forEach((context, index) => {
      const { reasons, ...rest } = decoded(made[index] ?? new Uint8Array());
      assert.deepEqual({ ...rest, reasons: JSON.parse(String(reasons)) as unknown }, setOf(compiled, context));
    });
    return made;
  }

  it('say what an evaluation gives, of each kind of answer', () => {
    const variants = ['a', 'b'].map((key) => ({ key, value: `"${key}"`, weight: 1 }));
    const half = { rolloutPercentage: 50 };
    const flags = [
      newFlag('static'),
      newFlag('off', { enabled: false }),
      newFlag('all', { rules: [newRule('a "quoted" rule')] }),
      newFlag('half', { rules: [newRule('half', half)] }),
      newFlag('by-device', { rules: [newRule('no such attribute', { ...half, bucketBy: 'device' })] }),
      newFlag('dealt', { type: 'string', defaultValue: '', rules: [newRule('dealt', { variants, value: '' })] }),
    ];
    const contexts = Array.from({ length: 60 }, (_, n) => ({ targetingKey: `user-${String(n)}`, attributes: {} }));
    same(flags, [...contexts, { targetingKey: undefined, attributes: {} }]);
  });

  it('take keys and values as they are', () => {
    const value = {
      $add: [1, -0.5, 1e300],
      'a.b': { $literal: null },
      '': ['', {}],
      n: 2 ** 53,
      ключ: 'знач\u0000\u{1f600}',
    };
    const keys = ['a.b-c/d_e', 'ключ\u{1f600}', '$set', '__proto__', '"\\'];
    const flags = keys.map((key) =>
      newFlag(key, { type: 'json', defaultValue: value, rules: [newRule(key, { value })] }),
    );
    const [bytes] = same(flags, [{ targetingKey: 'one', attributes: {} }]);
    const named = compile([newFlag('_bsontype', { type: 'string', defaultValue: 'ObjectId' })]);
    const changed = changedSetOf(named, { targetingKey: 'one', attributes: {} }, undefined);
    assert.ok(changed && bytes);
    assert.deepEqual(Object.entries(decoded(setEncoder()(changed))['flags'] as object), [['_bsontype', 'ObjectId']]);
  });

  it('are of no flags, and of more than a slab', () => {
    same([], [{ targetingKey: 'one', attributes: {} }]);
    const large = newFlag('large', { type: 'string', defaultValue: 'x'.repeat(400_000) });
    const contexts = Array.from({ length: 7 }, (_, n) => ({ targetingKey: `user-${String(n)}`, attributes: {} }));
    same([large], contexts);
    same([newFlag('huge', { type: 'string', defaultValue: 'x'.repeat(3_000_000) })], contexts);
  });
});
