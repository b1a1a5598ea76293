/** Shorter pieces guard nothing, and are found in any text. */
const LEAST_PIECE = 4;

/** `%zz` is no encoding, and stays. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * Takes out of a text what of a URL must not be read: everything but its origin. For many receivers their path is all
 * that guards them, and they repeat it when something is wrong: as it is, piece by piece, or escaped for a page.
 */
export function withoutUrl(url: string): (text: string) => string {
  const { href, origin } = URL.canParse(url) ? new URL(url) : { href: url, origin: '' };
  const path = href.slice(origin.length);
  const pieces = [path, decoded(path)].flatMap((each) => each.split(/[^\w.~-]+/));
  const hidden = [path, decoded(path), ...pieces.filter(({ length }) => length >= LEAST_PIECE)];
  // The longest first: what contains another must not be half hidden.
  const sorted = hidden.filter((each) => each.length > 1).sort((a, b) => b.length - a.length);
  return (text) => sorted.reduce((clean, each) => clean.replaceAll(each, '…'), text);
}
