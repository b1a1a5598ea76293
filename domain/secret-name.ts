/** Longer names are judged by their beginning. */
const NAME_CHARS = 256;

/** In a name without its separators, so that `x-api-key`, `userPassword` and `DB_PASSWORD_OLD` are all found. */
const SECRET_PART = new RegExp(
  [
    'passw(?:or)?d|passphrase|passcode|secret|token|cookie|authorization|credential|csrf|xsrf|jwt|socialsecurity',
    '(?:api|private|access|signing|encryption|session|client|auth|shared|master|license)key',
    '(?:credit|debit|bank)card|card(?:number|num|no)',
    'sess(?:ion)?id|session$|signature$',
  ].join('|'),
);

/** Too short to be looked for inside of other words. */
const SECRET_WORD = /^(?:auth|oauth|pass|pwd|ssn|cvv2?|cvc2?|csc|pin|otp|totp|iban|sid|bearer)$/;

/** Of tokens that are counted, not kept: `max_tokens`, `tokenType`. */
const COUNTED = /tokens$|tokens?(?:count|type|limit|used|usage)$/;

const flat = (name: string): string =>
  name
    .slice(0, NAME_CHARS)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]/g, '');

const words = (name: string): readonly string[] =>
  name
    .slice(0, NAME_CHARS)
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/);

const NAMES_KNOWN = 5_000;

/**
 * Whether a value under this name is a secret, whatever the name's case and separators. `more` are names of the app's
 * own, which are compared as a whole.
 */
export function secretNames(more: readonly string[]): (name: string) => boolean {
  const own = new Set(more.map(flat));
  const known = new Map<string, boolean>();

  function judge(name: string): boolean {
    const joined = flat(name);
    if (joined === '') return false;
    if (own.has(joined)) return true;
    if (SECRET_PART.test(joined)) return !COUNTED.test(joined);
    return words(name).some((word) => SECRET_WORD.test(word));
  }

  // Apps have few names and send them with each error.
  return (name) => {
    if (name.length > NAME_CHARS) return judge(name);
    const before = known.get(name);
    if (before !== undefined) return before;
    if (known.size === NAMES_KNOWN) known.clear();
    const isSecret = judge(name);
    known.set(name, isSecret);
    return isSecret;
  };
}
