import { copied } from './copied.js';

/** What the answers of one function may take, in bytes. */
export const REMEMBERED_BYTES = 1024 * 1024;
/** A longer text is answered anew each time. */
const LONGEST = 1100;
/** Of an entry beside its texts. */
const ENTRY_BYTES = 300;
/** Two for the text, and two for an answer that is made of it. */
const BYTES_A_CHARACTER = 4;

const sizes: (() => number)[] = [];

/** What all answers take now. */
export const rememberedBytes = (): number => sizes.reduce((bytes, size) => bytes + size(), 0);

/**
 * The same function, which remembers its last answers: stacks name the same few files and calls again and again. Only
 * for functions of a text and nothing else, whose answers nobody changes.
 * @param weightOf what an answer takes beside the text, where it is not made of pieces of it
 */
export function remembered<T>(
  answer: (text: string) => T,
  weightOf: (value: T) => number = () => 0,
): (text: string) => T {
  const answers = new Map<string, { readonly value: T }>();
  let bytes = 0;
  sizes.push(() => bytes);
  return (text) => {
    if (text.length > LONGEST) return answer(text);
    const known = answers.get(text);
    if (known !== undefined) return known.value;
    const key = copied(text);
    const value = answer(key);
    const weight = ENTRY_BYTES + BYTES_A_CHARACTER * key.length + weightOf(value);
    if (bytes + weight > REMEMBERED_BYTES) {
      answers.clear();
      bytes = 0;
    }
    answers.set(key, { value });
    bytes += weight;
    return value;
  };
}
