import { remembered } from './remembered.js';

const NAME = 1024;

/** What engines and bundlers call a function that nobody named, and what has numbers of the build in it. */
const NAMELESS =
  /^(?:|\?|<?anonymous>?|anonymous function|<unknown>|(?:global|eval|module) code|eval|\d+|_callee\d*\$?|wasm-function\[\d+\])$/i;
/** Rollup numbers names that it finds twice. */
const NUMBERED = /(?<=[^$])\$\d{1,6}$/;

/**
 * The name of a function as all browsers have it: Chrome puts a receiver before it (`Cart.checkout`,
 * `Object.checkout`), Firefox how it was called (`async*checkout`, `run/checkout`), V8 what it was called as.
 */
export const plainName = remembered(plain);

function plain(text: string): string {
  const name = text
    .slice(0, NAME)
    .trim()
    .replace(/ \[as [^\]]{0,200}\]$/, '')
    .replace(/^.*\*/s, '')
    .replace(/^(?:async|new|get|set) /, '');
  // `Object../src/cart.js` is a bundler's module, `run/<` Firefox's function without a name within `run`.
  if (name.includes('./') || name.endsWith('<')) return '';
  const last = name.slice(Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')) + 1).replace(NUMBERED, '');
  return NAMELESS.test(last) ? '' : last;
}
