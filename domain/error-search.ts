const WORD_CHARS = 40;
const WORDS = 32;
const TERMS = 6;
/** Of a message; a search is for how an error is called, not for all that it says. */
const MESSAGE_CHARS = 400;

const WORD = /[\p{L}\p{N}_$]+/gu;
const HUMP = /(?<=[\p{Ll}\p{N}])(?=\p{Lu})|(?<=_)/u;

const cut = (word: string): string => word.slice(0, WORD_CHARS).toLowerCase();

/**
 * The words that an error is found by: of its title, its culprit and its message, in lower case; those of a name that
 * is made of several also from each of its parts on, so that `checkout` finds `renderCheckoutForm`.
 */
export function searchWords(group: {
  readonly title: string;
  readonly culprit: string;
  readonly message: string;
}): readonly string[] {
  const words = new Set<string>();
  for (const text of [group.title, group.culprit, group.message]) {
    for (const [word] of text.slice(0, MESSAGE_CHARS).matchAll(WORD)) {
      words.add(cut(word));
      const parts = word.slice(0, WORD_CHARS).split(HUMP);
      for (let from = 1; from < parts.length; from += 1) words.add(cut(parts.slice(from).join('')));
      if (words.size >= WORDS) return [...words].filter((each) => each !== '').slice(0, WORDS);
    }
  }
  return [...words].filter((each) => each !== '');
}

/** What somebody looks for: each is the beginning of a word that has to be there. */
export function searchTerms(text: string): readonly string[] {
  const terms = new Set([...text.matchAll(WORD)].map(([word]) => cut(word)));
  return [...terms].slice(0, TERMS);
}
