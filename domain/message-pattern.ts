import { lookup } from './loose.js';

/** A message says what it is within these; the rest is data, or a stack that somebody pasted in. */
const LINES = 2;
const CHARS = 1024;

const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}';
const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}';
const CLOCK = String.raw`\d{1,2}:[0-5]\d(?::[0-5]\d(?:[.,]\d{1,9})?)?(?: ?[AaPp][Mm]\b)?`;
const ZONE = String.raw`(?: ?(?:Z|UTC?|GMT|[ECMP][SD]T)\b)?(?: ?[+-]\d{2}:?\d{2}\b)?(?: \([\w +:-]{1,60}\))?`;
const H16 = '[0-9a-fA-F]{1,4}';

/**
 * What differs between two occurrences of one message, in the order in which they are tried at each place of it. Every
 * repetition has a bound and none can match the same text in two ways, so the time is a constant per character.
 *
 * Top-level domains are only those that are no usual name of a property: `item.id` and `state.to` are no hosts.
 */
const PATTERNS = {
  email: [String.raw`(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}`],
  url: [String.raw`\b(?:https?|wss?|ftp)://[^\s"'<>]{1,1024}`],
  hostname: [
    String.raw`\b(?:[a-zA-Z0-9-]{1,63}\.){1,8}(?:com|net|org|edu|gov|info|biz|io|dev|cloud|local|internal|de|fr|uk|nl|eu|ch|it|se|pl|ru|cn|jp|kr|br|au|ca|us)\b(?![.(])`,
  ],
  ip: [
    String.raw`(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}\b(?!\.\d)`,
    String.raw`(?<![\w:])(?:${H16}:){7}${H16}(?![\w:])`,
    String.raw`(?<![\w:])(?:${H16}(?::${H16}){0,6})?::(?:${H16}(?::${H16}){0,6})?(?![\w:])`,
  ],
  traceparent: [
    String.raw`\b[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}\b`,
    String.raw`\b1-[0-9a-f]{8}-[0-9a-f]{24}\b`,
  ],
  uuid: [String.raw`\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b`],
  sha1: [String.raw`\b[0-9a-fA-F]{40}\b`],
  md5: [String.raw`\b[0-9a-fA-F]{32}\b`],
  date: [
    String.raw`\b\d{4}-[01]\d-[0-3]\d(?:[T ]${CLOCK}${ZONE})?`,
    String.raw`\b\d{8}T\d{6}(?:\.\d{1,9})?Z?\b`,
    String.raw`\b(?:${DAY},? )?\d{1,2}[ -]${MONTH}[ -]\d{2,4}\b(?:,? ${CLOCK}${ZONE})?`,
    String.raw`\b(?:${DAY},? )?${MONTH} \d{1,2},? (?:${CLOCK} )?\d{4}\b(?:,? ${CLOCK}${ZONE})?`,
    String.raw`\b\d{1,2}/\d{1,2}/\d{2,4}\b(?:,? ${CLOCK})?`,
    String.raw`(?<![\d:])${CLOCK}(?![\d:])`,
  ],
  duration: [String.raw`\b\d{1,12}(?:\.\d{1,12})?(?:ns|us|µs|ms|s|m|h)(?!\w)`],
  hex: [
    String.raw`\b0[xX][0-9a-fA-F]{1,128}\b`,
    String.raw`\b(?=[a-f]{0,127}\d)[0-9a-f]{8,128}\b`,
    String.raw`\b(?=[A-F]{0,127}\d)[0-9A-F]{8,128}\b`,
  ],
  git_sha: [String.raw`\b(?=[a-f]{0,6}\d)(?=\d{0,6}[a-f])[0-9a-f]{7}\b`],
  float: [String.raw`(?:(?<!\w)-)?\b\d{1,20}\.\d{1,20}(?:[eE][+-]?\d{1,4})?\b`],
  int: [String.raw`(?:(?<!\w)-)?\b\d{1,7}\b`],
  // Only as a value: elsewhere a quoted word or a `true` is what tells two messages apart.
  quoted_str: [`(?<==)"[^"]{1,1024}"`, `(?<==)'[^']{1,1024}'`],
  bool: [String.raw`(?<==)(?:[Tt]rue|[Ff]alse)\b`],
} as const;

const NAMES = Object.keys(PATTERNS);

const ANY = new RegExp(
  Object.entries(PATTERNS)
    .map(([name, ways]) => `(?<${name}>${ways.join('|')})`)
    .join('|'),
  'g',
);

/** What a message has in common with itself on another day: its first lines, each value in them named by its kind. */
export function normaliseMessage(text: string): string {
  return firstLines(text).replace(ANY, (...match: unknown[]) => {
    const groups = match.at(-1) as Readonly<Record<string, string | undefined>>;
    const name = NAMES.find((each) => lookup(groups, each) !== undefined);
    return `<${name ?? ''}>`;
  });
}

function firstLines(text: string): string {
  const lines: string[] = [];
  // Twice as much as is kept, for empty lines and indentation.
  for (const line of text.slice(0, 2 * CHARS).split(/[\r\n]/)) {
    const content = line.replaceAll(/\s+/g, ' ').trim();
    if (content !== '') lines.push(content);
    if (lines.length === LINES) break;
  }
  const whole = lines.join('\n');
  if (whole.length <= CHARS && text.length <= 2 * CHARS) return whole;
  // A value that the cut halved would look like another one each time.
  return whole
    .slice(0, CHARS)
    .replace(/(?<!\S)\S{1,100}$/, '')
    .trimEnd();
}
