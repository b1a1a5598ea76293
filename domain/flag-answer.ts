import { copied } from './copied.js';
import { cutText } from './limits.js';

const KEY_BYTES = 120;

/** One of the things that a flag may answer, as people tell them apart: a variant by its key, a value as JSON. */
export interface FlagAnswer {
  readonly key: string;
  readonly isVariant: boolean;
}

/** Long values that begin alike are one here. */
export function flagAnswer(value: unknown, variant: string | undefined): FlagAnswer {
  if (variant !== undefined) return { key: variant, isVariant: true };
  const shown = typeof value === 'string' ? value.slice(0, KEY_BYTES + 1) : value;
  const text = (JSON.stringify(shown) as string | undefined) ?? 'null';
  const short = cutText(text, KEY_BYTES);
  return { key: short === text ? text : copied(`${short}…`), isVariant: false };
}
