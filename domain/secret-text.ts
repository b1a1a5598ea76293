// Patterns over what anybody throws. None can take more than linear time: a repetition is bounded, or what it passes
// over cannot begin the pattern again.

export const SCRUBBED = '[scrubbed]';

/** Cheap, and true of every text that `withoutTokens` would change. */
const HAS_TOKEN =
  /eyJ|ex[pmi]_|A[KS]IA|:\/\/[^\s/?#@]{0,512}@|earer\s|asic\s|BEARER\s|BASIC\s|-----BEGIN|gh[pousr]_|github_pat_|glpat-|npm_|xox[abeprs]-|k_live_|k_test_|sk-|AIza|whsec_/;

const PRIVATE_KEY = /-----BEGIN [A-Z ]{0,40}PRIVATE KEY[A-Z ]{0,20}-----[^]*?(?:-----END [A-Z ]{0,60}-----|$)/g;
const TOKEN = new RegExp(
  `(?<![A-Za-z0-9_-])(?:${[
    String.raw`eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*){0,3}`,
    'ex[pmi]_[A-Za-z0-9]{20,}',
    'A[KS]IA[A-Z0-9]{16}',
    'gh[pousr]_[A-Za-z0-9]{30,}',
    String.raw`github_pat_\w{30,}`,
    String.raw`glpat-[\w-]{16,}`,
    'npm_[A-Za-z0-9]{30,}',
    String.raw`xox[abeprs]-[\w-]{10,}`,
    '[rs]k_(?:live|test)_[A-Za-z0-9]{10,}',
    String.raw`sk-[\w-]{20,}`,
    String.raw`AIza[\w-]{30,}`,
    'whsec_[A-Za-z0-9+/=]{16,}',
  ].join('|')})`,
  'g',
);
/** What follows has a digit, an inner capital or padding, so that "Basic authentication" is left alone. */
const SCHEME =
  /(?<![A-Za-z])((?:[Bb]earer|BEARER|[Bb]asic|BASIC)\s{1,4})(?=[\w.~+/-]{0,256}(?:[0-9=]|[a-z][A-Z]))[\w.~+/=-]{8,}/g;
const USER_INFO = /:\/\/[^\s/?#@:]{0,256}:[^\s/?#]{1,256}@/g;

/** What is a secret wherever it stands, also in a stack frame: keys, tokens, passwords of URLs. */
export function withoutTokens(text: string): string {
  if (!HAS_TOKEN.test(text)) return text;
  return text
    .replaceAll(PRIVATE_KEY, SCRUBBED)
    .replaceAll(SCHEME, `$1${SCRUBBED}`)
    .replaceAll(TOKEN, SCRUBBED)
    .replaceAll(USER_INFO, `://${SCRUBBED}@`);
}

export type IsSecret = (name: string) => boolean;

const PARAMETER = /(^|[?&;#\s(])([^\s?&;#=/(]{1,200})=([^\s&;#)"'<>]{1,4096})/g;

/** The values of a URL's secret parameters; what follows its query, such as a line, stays. */
export function withoutSecretParameters(text: string, isSecret: IsSecret): string {
  if (!text.includes('=')) return text;
  return text.replaceAll(PARAMETER, (pair: string, mark: string, name: string, value: string) => {
    if (!isSecret(name)) return pair;
    return `${mark}${name}=${SCRUBBED}${/(?::\d{1,9}){1,2}$/.exec(value)?.[0] ?? ''}`;
  });
}

const PAIR = /(?<![\w$.-])([\w$.-]{1,64})(?:\]|%5[Dd])?(\\?["']?)\s{0,2}(=>?(?!=)|:(?!\/\/))\s{0,2}/g;
const VALUE = /"(?:[^"\\]|\\[^])*"?|\\"[^"]*"?|'[^']*'?|\[[^\]]*\]?|\{[^}]*\}?|[^\s&;,"'<>)}\]]+/y;
const LINE = /[^\r\n]+/y;
const HEADER = /^(?:(?:proxy-)?authorization|(?:set-)?cookie)$/i;
/** Words of prose: "Unexpected token: x" says nothing that is secret, unless the value is quoted. */
const PROSE = /^(?:token|session|auth|secret|credentials?|pin|pass|bearer|signature)$/i;

/** Values after a secret name: `password=x`, `"token":"x"`, `Cookie: x`. */
export function withoutSecretPairs(text: string, isSecret: IsSecret): string {
  if (!text.includes('=') && !text.includes(':')) return text;
  let clean = '';
  let done = 0;
  PAIR.lastIndex = 0;
  for (let pair = PAIR.exec(text); pair !== null; pair = PAIR.exec(text)) {
    const [, name = '', quote, mark] = pair;
    if (!isSecret(name)) continue;
    const start = PAIR.lastIndex;
    const isHeader = mark === ':' && quote === '' && HEADER.test(name);
    const isProse = mark === ':' && quote === '' && PROSE.test(name) && !/["'\\]/.test(text.charAt(start));
    // Before its value is read: what is read and then left would be read again for each name in it.
    if (isProse) continue;
    const value = isHeader ? LINE : VALUE;
    value.lastIndex = start;
    const found = value.exec(text)?.[0];
    if (found === undefined) continue;
    const around = found.startsWith('"') || found.startsWith("'") ? found.charAt(0) : '';
    clean += `${text.slice(done, start)}${around}${SCRUBBED}${around}`;
    done = value.lastIndex;
    PAIR.lastIndex = done;
  }
  return done === 0 ? text : clean + text.slice(done);
}

const DIGITS = /(?<![A-Za-z0-9])\d(?:[ -]?\d){12,}(?![A-Za-z0-9])/g;
/** By issuer and length: digits alone pass the check sum one time in ten. */
const CARD =
  /^(?:4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}|6\d{15,18})$/;

export const withoutCards = (text: string): string => text.replaceAll(DIGITS, withoutCardsInRun);

const LEAST_CARD_DIGITS = 13;
const MOST_CARD_DIGITS = 19;

/** A card begins and ends where a group of digits does. Each start costs a few look-ups, however long the run is. */
function withoutCardsInRun(run: string): string {
  if (run.length > MOST_CARD_DIGITS && !/[ -]/.test(run)) return run;
  const { places, sums } = digitsOf(run);
  let clean = '';
  let done = 0;
  for (let from = 0; from <= places.length - LEAST_CARD_DIGITS; from++) {
    const start = places[from] ?? 0;
    if (start < done || (from > 0 && places[from - 1] === start - 1)) continue;
    const last = Math.min(places.length, from + MOST_CARD_DIGITS) - 1;
    for (let to = from + LEAST_CARD_DIGITS - 1; to <= last; to++) {
      const end = (places[to] ?? 0) + 1;
      if (places[to + 1] === end || !passesCheckSum(sums, from, to)) continue;
      if (!CARD.test(run.slice(start, end).replaceAll(/\D/g, ''))) continue;
      clean += run.slice(done, start) + SCRUBBED;
      done = end;
      break;
    }
  }
  return done === 0 ? run : clean + run.slice(done);
}

/** The sums of all digits before a place, once with every even one doubled and once with every odd one. */
interface Sums {
  readonly even: readonly number[];
  readonly odd: readonly number[];
}

function digitsOf(run: string): { readonly places: readonly number[]; readonly sums: Sums } {
  const places: number[] = [];
  const even = [0];
  const odd = [0];
  let evenSum = 0;
  let oddSum = 0;
  for (let at = 0; at < run.length; at++) {
    const digit = run.charCodeAt(at) - 0x30;
    if (digit < 0) continue;
    const doubled = digit < 5 ? digit * 2 : digit * 2 - 9;
    const isEven = places.length % 2 === 0;
    places.push(at);
    even.push((evenSum += isEven ? doubled : digit));
    odd.push((oddSum += isEven ? digit : doubled));
  }
  return { places, sums: { even, odd } };
}

/** Every second digit counts double, from the last but one backwards. */
function passesCheckSum({ even, odd }: Sums, from: number, to: number): boolean {
  const sums = to % 2 === 0 ? odd : even;
  return ((sums[to + 1] ?? 0) - (sums[from] ?? 0)) % 10 === 0;
}

const EMAIL =
  /(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}(?:@|%40)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,7}\.[A-Za-z]{2,24}(?![A-Za-z0-9])/g;

export const withoutEmails = (text: string): string =>
  text.includes('@') || text.includes('%40') ? text.replaceAll(EMAIL, SCRUBBED) : text;

const OCTET = '(?:25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const IPV4 = new RegExp(`(?<![\\w.])${OCTET}(?:\\.${OCTET}){3}(?![\\w]|\\.\\d)`, 'g');
const IPV6 = /(?<![\w:.])[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])/g;

/** Eight groups, or fewer around one `::`; so that a time of day is none. */
const isIpv6 = (text: string): boolean => {
  const groups = text.split(':');
  return text.includes('::') ? text.length > 2 && text.split('::').length === 2 : groups.length === 8;
};

export const withoutIps = (text: string): string =>
  text.replaceAll(IPV4, SCRUBBED).replaceAll(IPV6, (found: string) => (isIpv6(found) ? SCRUBBED : found));
