import { anyOf } from './pattern.js';

export const GLOBS = { most: 50, chars: 200 } as const;

/** Longer texts are compared by their beginning. */
const TEXT_CHARS = 16 * 1024;

/** What globs remember of texts: with less, the largest take seconds for one text. */
const MEMORY_BYTES = 8 * 1024 * 1024;

const QUOTED = /[\\^$.|+()[\]{}]/g;

/** Whether a whole text is like one of these: `*` is anything, `?` one character, case does not matter. Linear time. */
export function globs(list: readonly string[]): (text: string) => boolean {
  const patterns = list.map((glob) =>
    glob
      .replaceAll(QUOTED, String.raw`\$&`)
      .replaceAll('?', '.')
      .replaceAll(/\*+/g, '.*'),
  );
  const any = anyOf(
    patterns.map((pattern) => `(?is)^${pattern}$`),
    MEMORY_BYTES,
  );
  return (text) => any?.test(text.slice(0, TEXT_CHARS)) ?? false;
}
