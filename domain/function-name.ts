import { remembered } from './remembered.js';

const NAME = 1024;

/** What engines and bundlers call a function that nobody named, and what has numbers of the build in it. */
const NAMELESS =
  /^(?:|\?|<?anonymous>?|anonymous function|<unknown>|(?:global|eval|module) code|eval|\d+|_callee\d*\$?|wasm-function\[\d+\])$/i;
/** Rollup numbers names that it finds twice. */
const NUMBERED = /(?<=[^$])\$\d{1,6}$/;
/** What V8 adds of how it was called. */
const CALLED_AS = / \[as [^\]]{0,200}\]$/;
const CALLED_HOW = /^(?:async|new|get|set) /;
const NAMELESS_IN_BUNDLE = /^$|^\?$|^<|<anonymous>$|^\(?anonymous\)?$/;

/**
 * The name of a function as all browsers have it: Chrome puts a receiver before it (`Cart.checkout`,
 * `Object.checkout`), Firefox how it was called (`async*checkout`, `run/checkout`), V8 what it was called as.
 */
export const plainName = remembered(plain);

function plain(text: string): string {
  const name = text.slice(0, NAME).trim().replace(CALLED_AS, '').replace(/^.*\*/s, '').replace(CALLED_HOW, '');
  // `Object../src/cart.js` is a bundler's module, `run/<` Firefox's function without a name within `run`.
  if (name.includes('./') || name.endsWith('<')) return '';
  const last = name.slice(Math.max(name.lastIndexOf('.'), name.lastIndexOf('/')) + 1).replace(NUMBERED, '');
  return NAMELESS.test(last) ? '' : last;
}

/** The last part of what a bundle calls a function; undefined where it is without a name there. */
export function nameInBundle(text: string): string | undefined {
  const name = text.replace(CALLED_AS, '').replace(CALLED_HOW, '');
  // With its receiver in V8: `HTMLButtonElement.<anonymous>`.
  if (NAMELESS_IN_BUNDLE.test(name)) return undefined;
  return name.slice(Math.max(name.lastIndexOf('.'), name.lastIndexOf('/'), name.lastIndexOf('<')) + 1);
}
