import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { enclosingFunction } from '../../domain/enclosing-function.js';
import { cpuMs } from '../helper/cpu-time.js';

/** The text before `HERE` is what the place lies in. */
const at = (text: string) => enclosingFunction(text, text.indexOf('HERE'));

describe('the function around a place', () => {
  const named: readonly [name: string | undefined, text: string][] = [
    ['total', 'function total(item) { HERE }'],
    ['total', 'export async function total<T extends A>(item: T): Promise<number> { HERE }'],
    ['total', 'function* total () { if (a) { for (const b of c) { try { HERE } } } }'],
    ['total', 'class Cart { private async total(item = f(1), b): Promise<void> { HERE } }'],
    ['constructor', 'class Cart { constructor() { HERE } }'],
    ['#sum', 'class Cart { #sum() { HERE } }'],
    ['total', 'const total = (item) => { HERE };'],
    ['total', 'const total: Total = async (item: Item): Promise<number> => { HERE };'],
    ['total', 'const total = async item => { HERE };'],
    ['total', 'const total = function (item) { HERE };'],
    ['total', 'const cart = { total: function (item) { HERE } };'],
    ['total', 'const cart = { total(item) { HERE } };'],
    ['total', 'const cart = { other() { a({}) }, total: (item) => { HERE } };'],
    ['total', 'Cart.prototype.total = function () { HERE }'],
    ['outer', 'function outer() { function inner() { a } HERE }'],
    ['outer', 'function outer() { const a = { b: 1, c: HERE } }'],
    ['outer', 'function outer() { switch (a) { case 1: { HERE } } }'],
    ['outer', 'function outer() { do { HERE } while (a) }'],
    ['outer', 'function outer() { const a = `${b} ${c({ d: 1 })}`; HERE }'],
    [undefined, 'items.forEach((item) => { HERE })'],
    [undefined, 'function outer() { items.forEach(function (item) { HERE }) }'],
    [undefined, 'function outer() { items.forEach(item => { HERE }) }'],
    [undefined, 'const a = 1; HERE'],
    [undefined, 'class Cart { total = HERE }'],
    [undefined, '}}}} HERE'],
    [undefined, ''],
  ];
  for (const [name, text] of named) {
    it(`${name === undefined ? 'has no name' : `is ${name}`} in ${text}`, () => assert.equal(at(text), name));
  }

  it('is found in linear time, whatever the text', async () => {
    const hostile = ['{', '){', '=> {', 'a(', '): :{', 'x'.repeat(299) + '{', '(((((){', 'a:b:c:d={', '<<<<>(){'];
    for (const piece of hostile) {
      const text = piece.repeat(Math.ceil(1_000_000 / piece.length));
      const took = await cpuMs(() => enclosingFunction(text, text.length));
      assert.ok(took < 200, `${piece}: ${String(took)} ms`);
    }
  });

  it('is a word or nothing', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '(',
      ')',
      '=>',
      'function ',
      'a',
      'if',
      ':',
      '=',
      '<',
      '>',
      ' ',
      '\n',
      '*',
      '#',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), fc.nat(100), (pieces, offset) => {
        const name = enclosingFunction(pieces.join(''), offset);
        return name === undefined || /^[\w$#]+$/.test(name);
      }),
    );
  });
});
