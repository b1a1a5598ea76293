import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { searchTerms, searchWords } from '../../domain/error-search.js';
import { cpuMs } from '../helper/cpu-time.js';

const words = (title: string, culprit = '', message = '') => [...searchWords({ title, culprit, message })];

describe('the words that an error is found by', () => {
  it('are those of title, culprit and message, each once, in lower case', () => {
    assert.deepEqual(words('Error', 'load (src/cart.ts)', 'load failed'), [
      'error',
      'load',
      'src',
      'cart',
      'ts',
      'failed',
    ]);
  });

  it('are also the parts of a name, each with what follows it', () => {
    assert.deepEqual(words('renderCheckoutForm'), ['rendercheckoutform', 'checkoutform', 'form']);
    assert.deepEqual(words('db_user_id'), ['db_user_id', 'user_id', 'id']);
    assert.deepEqual(words('größeÄndern'), ['größeändern', 'ändern']);
  });

  it('are bounded, in number and length, on any text in linear time', async () => {
    const took = await cpuMs(() => {
      for (const part of ['aB', 'a ', '_', 'a_', '😀', 'é']) {
        const found = words(part.repeat(1_000_000), part.repeat(1_000_000), part.repeat(1_000_000));
        assert.ok(found.length <= 32 && found.every((word) => word !== '' && word.length <= 40), part);
      }
    });
    assert.ok(took < 1_000, `${String(took)} ms`);
  });

  it('are found by the terms of a search, which are bounded too', () => {
    assert.deepEqual(searchTerms('TypeError:  "Cart" cart (v2)'), ['typeerror', 'cart', 'v2']);
    assert.deepEqual(searchTerms('?!'), []);
    assert.equal(searchTerms('a b c d e f g h').length, 6);
    assert.equal(searchTerms('x'.repeat(100))[0]?.length, 40);
  });
});
