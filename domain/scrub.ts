import type { ScrubConfig } from './app.js';
import type { Occurrence } from './occurrence.js';
import { anyOf } from './pattern.js';
import { secretNames } from './secret-name.js';
import {
  SCRUBBED,
  withoutCards,
  withoutEmails,
  withoutIps,
  withoutSecretPairs,
  withoutSecretParameters,
  withoutTokens,
} from './secret-text.js';
import { type Clean, type Trimmed, trimOccurrence } from './trim-occurrence.js';

/** In all of one occurrence. What is beyond goes as a whole: what nobody looks through, nobody stores. */
const TOTAL_CHARS = 1024 * 1024;
/** The same for the app's own patterns, by what they cost. */
const TOTAL_STEPS = 40_000_000;

/** What is looked through in one go: some ms at worst, the app's own patterns aside. */
const STEP_CHARS = 32 * 1024;
/** And by those where they match: tens of ms. A text that takes more goes as a whole, since it holds what they mean. */
const STEP_OWN = 1_500_000;

const LINE_CHARS = 2 * 1024;

/** A line of a stack that names a place, in any browser's way. */
function isFrame(line: string): boolean {
  const looked = line.slice(0, LINE_CHARS).trim();
  if (looked.startsWith('at ')) return true;
  const place = looked.slice(looked.lastIndexOf(' ') + 1);
  return /:\d{1,9}\)?$/.test(place) && /[/@]/.test(place);
}

/**
 * Takes secrets out of an occurrence before it is stored anywhere, and cuts it to its bounds: values under secret names,
 * and what looks like a secret in any text. Frames stay frames: from a file, a function or a line of source only what
 * is a secret wherever it stands goes, so that errors group and resolve as before. Ids, release, environment and flags
 * stay as they are. A long one is scrubbed in steps, between which its caller may do something else.
 */
export function scrubber(config: ScrubConfig): (occurrence: Occurrence) => Generator<undefined, Trimmed> {
  const isSecret = secretNames(config.keys);
  const own = anyOf(config.patterns);
  const stepChars = own === undefined ? STEP_CHARS : Math.min(STEP_CHARS, STEP_OWN / own.instructions);

  const withoutParameters = (text: string): string => withoutSecretParameters(text, isSecret);

  /** For one occurrence: it remembers how much it has looked through. */
  function cleaning() {
    let left = TOTAL_CHARS;
    let steps = TOTAL_STEPS;
    const withoutOwn = (text: string): string => {
      if (own === undefined) return text;
      const cost = text.length * own.instructions;
      steps -= cost;
      if (steps < 0) return SCRUBBED;
      // To look takes a small part of what it takes to replace.
      if (!own.test(text)) return text;
      return cost > STEP_OWN ? SCRUBBED : own.replaceAll(text, SCRUBBED);
    };
    const withoutValues = (text: string): string => {
      if (text === '') return text;
      let clean = withoutCards(withoutSecretPairs(text, isSecret));
      if (config.emails) clean = withoutEmails(clean);
      if (config.ips) clean = withoutIps(clean);
      return withoutOwn(clean);
    };
    const isTooMuch = (text: string): boolean => {
      left -= text.length;
      return left < 0 && text !== '';
    };
    // First as a whole: a private key has many lines.
    const linesOf = (text: string): string[] => withoutTokens(text).split('\n');
    const inLine = (line: string): string => (isFrame(line) ? withoutParameters(line) : withoutValues(line));
    function* longStack(text: string): Generator<undefined, string> {
      if (isTooMuch(text)) return SCRUBBED;
      const lines: string[] = [];
      let looked = 0;
      for (const line of linesOf(text)) {
        lines.push(inLine(line));
        looked += line.length + 1;
        if (looked < stepChars) continue;
        looked = 0;
        yield;
      }
      return lines.join('\n');
    }
    const text: Clean = (value, kind, name) => {
      if (kind === 'hidden' || (name !== undefined && value !== '' && isSecret(name))) return SCRUBBED;
      if (isTooMuch(value)) return SCRUBBED;
      if (kind === 'stack') return linesOf(value).map(inLine).join('\n');
      const clean = withoutTokens(value);
      return kind === 'text' ? withoutValues(clean) : kind === 'place' ? withoutParameters(clean) : clean;
    };
    return { text, longStack };
  }

  return function* (occurrence) {
    const quick = cleaning();
    let chars = 0;
    const whole = trimOccurrence(occurrence, (text, kind, name) => {
      chars += text.length;
      return chars > stepChars ? text : quick.text(text, kind, name);
    });
    if (chars <= stepChars) return whole;

    const texts: Parameters<Clean>[] = [];
    trimOccurrence(occurrence, (...each) => {
      texts.push(each);
      return each[0];
    });
    const clean = cleaning();
    const cleaned: string[] = [];
    let looked = 0;
    for (const each of texts) {
      cleaned.push(each[1] === 'stack' ? yield* clean.longStack(each[0]) : clean.text(...each));
      looked += each[0].length;
      if (looked < stepChars) continue;
      looked = 0;
      yield;
    }
    let next = 0;
    return trimOccurrence(occurrence, () => cleaned[next++] ?? SCRUBBED);
  };
}
