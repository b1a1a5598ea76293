import { plainName } from './function-name.js';
import { cutText } from './limits.js';
import { normaliseMessage } from './message-pattern.js';
import type { Exception, Occurrence, StackFrame } from './occurrence.js';
import { isBundleName, isOwnFile, normaliseFile } from './source-file.js';
import { splitHeader } from './stack.js';

/**
 * Of everything that decides what `groupingOf` answers, here and in the files it uses. Whoever changes an answer counts
 * it up: groups keep the version they were made with, and the vectors of the old one show that it is another.
 */
export const GROUPING_VERSION = 1;

export type Groupable = Pick<Occurrence, 'errorType' | 'message' | 'exceptions' | 'fingerprint' | 'sourceFile'>;

export interface Grouping {
  readonly version: number;
  readonly by: 'client' | 'stack' | 'message';
  /** What is hashed, in order. */
  readonly components: readonly string[];
  /** For people: the type of the thrown error, or what stands for it. */
  readonly title: string;
  /** For people: function and file of the call that names it. */
  readonly culprit: string;
}

type Components = Pick<Grouping, 'by' | 'components'>;

const CHAIN = 10;
const FRAMES = 250;
/** Of all exceptions together. */
const CALLS = 64;
const PARTS = 32;
/** Bytes. */
const PART = 1024;
const COMPONENT = 512;
const TITLE = 200;
const MESSAGE = 4 * 1024;

/** Which error this is: what it has in common with itself after a deploy, in another browser, for another user. */
export function groupingOf(occurrence: Groupable): Grouping {
  const chain = occurrence.exceptions.slice(0, CHAIN);
  const thrown = chain[0];
  const message = sound(cutText(thrown?.value || occurrence.message, MESSAGE));
  const type = typeOf(occurrence);
  const isMessage = thrown === undefined ? type === '' : thrown.synthetic && thrown.type === '';

  const calls = isMessage ? undefined : callsOf(chain);
  const computed: Components =
    calls === undefined
      ? { by: 'message', components: [...(isMessage ? [] : [type || 'Error']), normaliseMessage(message)] }
      : { by: 'stack', components: stackComponents(chain, calls, type, message) };

  const crash = crashFrame(chain);
  return {
    version: GROUPING_VERSION,
    ...clientComponents(occurrence.fingerprint, bounded(computed)),
    title: title(isMessage ? '' : type, message),
    culprit: shown(crash ? describe(displayName(crash), placeOf(crash)) : normaliseFile(occurrence.sourceFile)),
  };
}

/** Why an occurrence came into its group, in words. */
export function explainGrouping({ version, by, components }: Pick<Grouping, 'version' | 'by' | 'components'>): string {
  const why = {
    client: 'the fingerprint that the client sent',
    stack:
      "the type and the app's own calls of the error and its causes, the crash first; lines, columns, hashes of bundles and repeated calls do not count, calls of libraries only where there are no others",
    message: 'the type, where it has one, and the message without its values, since there are no calls to tell it by',
  }[by];
  return `Version ${version} grouped it by ${why}: ${components.join(' | ')}`;
}

// --- by the client

const DEFAULT = /^\s{0,9}\{\{\s{0,9}default\s{0,9}\}\}\s{0,9}$/;

function clientComponents(fingerprint: readonly string[], computed: Components): Components {
  const parts = fingerprint.slice(0, PARTS).filter((part) => part !== '');
  const ours = parts.findIndex((part) => DEFAULT.test(part));
  const theirs = parts.map((part, i) => {
    if (DEFAULT.test(part)) return i === ours ? computed.components : [];
    return [sound(cutText(part, PART))];
  });
  if (theirs.every((each, i) => i === ours || each.length === 0)) return computed;
  return { by: 'client', components: theirs.flat() };
}

// --- by the stack

interface Call {
  readonly text: string;
  readonly isNamed: boolean;
}

/** The calls of each exception that say something: the app's own, or all where none is. */
function callsOf(chain: readonly Exception[]): readonly (readonly Call[])[] | undefined {
  const own = distinctCalls(chain, isOwn);
  if (own.some((calls) => calls.length > 0)) return own;
  const all = distinctCalls(chain, () => true);
  return all.some((calls) => calls.length > 0) ? all : undefined;
}

const isOwn = ({ inApp, file }: StackFrame) => inApp && (file === '' || isOwnFile(file));

/** Each call of an exception once, where it came first: so recursion of any depth and shape is the same error. */
function distinctCalls(chain: readonly Exception[], counts: (frame: StackFrame) => boolean): Call[][] {
  let left = CALLS;
  return chain.map(({ frames }) => {
    const found = new Map<string, Call>();
    for (const frame of frames.slice(0, FRAMES)) {
      if (left === 0) break;
      const call = counts(frame) ? callOf(frame) : undefined;
      if (call === undefined || found.has(call.text)) continue;
      found.set(call.text, call);
      left--;
    }
    return [...found.values()];
  });
}

function stackComponents(
  chain: readonly Exception[],
  calls: readonly (readonly Call[])[],
  type: string,
  message: string,
): string[] {
  const components = chain.flatMap((exception, i) => [
    ...(i === 0 ? [type || 'Error'] : ['caused by', exception.type || 'Error']),
    ...(calls[i] ?? []).map(({ text }) => text),
  ]);
  // Where no call has a name, as in a minified bundle without its map, all errors of a type would be one.
  const isNameless = calls.every((each) => each.every(({ isNamed }) => !isNamed));
  return isNameless ? [...components, normaliseMessage(message)] : components;
}

function callOf(frame: StackFrame): Call | undefined {
  const name = stableName(frame);
  const place = placeOf(frame);
  if (name === '' && place === '') return undefined;
  return { text: describe(name, place), isNamed: name !== '' };
}

const describe = (name: string, place: string) =>
  place === '' ? name : name === '' ? `(${place})` : `${name} (${place})`;

const HASH_IN_MODULE = /[-.](?=[a-f]{0,63}\d)[\da-f]{6,64}(?=$|[-.:/])/g;

/** A module's name says what its file does; after a source map it is the bundle's, and the file is the source. */
function placeOf({ module, file, minified }: StackFrame): string {
  if (module === '' || module === '<anonymous>' || minified !== undefined) return normaliseFile(file);
  return module.slice(0, TITLE).replaceAll(HASH_IN_MODULE, '');
}

/**
 * The name, where it says something after the next deploy too. One or two letters in a bundle are the minifier's: it
 * deals them out anew with each build.
 */
function stableName(frame: StackFrame): string {
  const name = plainName(frame.function);
  if (name.length > 2 || frame.minified !== undefined) return name;
  const isServed = /^(?!file:|webpack)[a-z-]{2,30}:\/\//i.test(frame.file);
  return isBundleName(frame.file) || (isServed && frame.unresolved !== undefined) ? '' : name;
}

// --- for people

function crashFrame(chain: readonly Exception[]): StackFrame | undefined {
  const frames = chain.flatMap((exception) => exception.frames.slice(0, FRAMES));
  return frames.find(isOwn) ?? frames.find((frame) => callOf(frame) !== undefined);
}

const displayName = (frame: StackFrame) => plainName(frame.function) && cutText(frame.function, TITLE).trim();

const shown = (text: string) => sound(cutText(text, TITLE));

const title = (type: string, message: string) => shown(type || (message.trim().split(/[\r\n]/, 1)[0] ?? '') || 'Error');

/** What was thrown; `errorType` says only how it was caught, so that a message that begins with its type says more. */
function typeOf({ exceptions, errorType, message }: Groupable): string {
  const thrown = exceptions[0]?.type;
  if (thrown && thrown !== errorType) return thrown;
  const { type } = splitHeader(message.slice(0, COMPONENT));
  return /(?:Error|Exception)$/.test(type) ? type : errorType;
}

// --- bounds

/** Half a surrogate pair is no text: two encoders would make two things of it. */
const sound = (text: string) => text.replaceAll(/\p{Surrogate}/gu, '\uFFFD');

const bounded = ({ by, components }: Components): Components => ({
  by,
  components: components.map((component) => sound(cutText(component, COMPONENT))),
});
