import errorStackParser from 'error-stack-parser';
import { cutText } from './limits.js';
import type { Exception, StackFrame } from './occurrence.js';
import { remembered } from './remembered.js';
import { isOwnFile } from './source-file.js';

// The parser's patterns take seconds on one long line, so it never sees a line that is long or no frame.
const TEXT = 256 * 1024;
const LINE = 1024;
const FRAMES = 250;
const CHAIN = 10;
/** Bytes; the message as a whole is a field of its own. */
const VALUE = 4 * 1024;

// Bundlers take this CommonJS module for AMD and leave out `default`.
const parser = 'parse' in errorStackParser ? (errorStackParser as never) : errorStackParser.default;

/** `at f (file:1:2)`, `at file:1:2`, `at f (<anonymous>)`: Chrome, Edge, Node and everything else on V8. */
const V8 = /^at (?:async )?/;
/** What Node's inspection puts behind the last frame; the look behind keeps a long run of it linear. */
const TAIL = /(?<![ {,])[ {,]+$/;
const PLACE = /:(?:\d{1,10}|0x[\da-f]{1,16})\){0,9}$/i;
const NESTED_EVALS = 9;
/** Native code, and what `Promise.all` shows. */
const NOWHERE = /^(?:(.*) )?\(?(?:<anonymous>|native(?: code)?|index \d{1,10})\)?$/;
/** `f@file:1:2`, `file:1:2`: Firefox and Safari. */
const GECKO = /@|^[a-z-]{2,30}:\/\//i;
/** `file line 5 > eval:1:31`: what counts is where the file calls eval. */
const EVALUATED = / line (\d{1,10}) > .*$/;
const NATIVE = /@?\[native code\]$/;
/** The parser would read it as a number too large to be one. */
const HUGE_NUMBER = /:\d{11}/;

const CAUSE = /^(?:\[cause\]|Caused by): /i;

/** The thrown error and its causes, as the text of a stack tells them; empty for a text that is no stack. */
export function parseStackTrace(text: string): readonly Exception[] {
  const lines = readLines(text);
  const isV8 = lines.some((line) => v8Frame(line) !== undefined);
  const frameOf = isV8 ? v8Frame : geckoFrame;

  const sections: { header: string[]; frames: StackFrame[] }[] = [{ header: [], frames: [] }];
  let left = FRAMES;
  for (const line of lines) {
    // The errors of an AggregateError are its parts, not its causes.
    if (left === 0 || line.startsWith('[errors]: ')) break;
    if (CAUSE.test(line)) {
      if (sections.length === CHAIN) break;
      sections.push({ header: [line.replace(CAUSE, '')], frames: [] });
      continue;
    }
    const section = sections.at(-1);
    const frame = frameOf(line);
    if (frame !== undefined) {
      section?.frames.push(frame);
      left--;
    } else if (section?.frames.length === 0) section.header.push(line);
  }
  return sections
    .map(({ header, frames }) => ({ ...typeAndValue(header), synthetic: false, handled: null, frames }))
    .filter(({ type, frames }) => frames.length > 0 || type !== '');
}

/** A type before a colon, as `Error.prototype.toString` writes it. */
const TYPED =
  /^(?:Uncaught )?(?:\(in promise\) )?((?:[\w$]{1,60}\.){0,5}[A-Z_$][\w$]{0,99})(?: \[\w{1,60}\])?(?:: |:?$)/;

/** `TypeError: x is undefined` in its two parts; a text without a type is all value. */
export function splitHeader(header: string): Pick<Exception, 'type' | 'value'> {
  const [prefix = '', type = ''] = TYPED.exec(header) ?? [];
  return { type, value: cutText(header.slice(prefix.length), VALUE) };
}

function typeAndValue(lines: readonly string[]): Pick<Exception, 'type' | 'value'> {
  // Node shows the line of source before an error that nobody caught, with carets under the place.
  const carets = lines.findIndex((line) => /^[\^~]+$/.test(line));
  const header = lines
    .slice(carets + 1)
    .join('\n')
    .trim();
  // An error without a stack is shown in brackets.
  return splitHeader(/^\[.*\]$/s.test(header) ? header.slice(1, -1) : header);
}

/** Without control characters, and line ends that only JavaScript knows, at which the parser's patterns stop. */
function readLines(text: string): readonly string[] {
  return (
    text
      .slice(0, TEXT)
      // eslint-disable-next-line no-control-regex -- they are what is looked for
      .replaceAll(/[\u0000-\u0009\u000B-\u001F\u007F\u2028\u2029]/g, ' ')
      .split('\n')
      .map((line) => line.slice(0, LINE).trim())
  );
}

/** Brackets in a path, `app/(shop)/page.js`, which the parser would take away. */
const hideBrackets = (place: string) => place.replaceAll('(', '\uE000').replaceAll(')', '\uE001');
const showBrackets = (place: string) => place.replaceAll('\uE000', '(').replaceAll('\uE001', ')');

const v8Frame = remembered((line): StackFrame | undefined => {
  if (!V8.test(line) || HUGE_NUMBER.test(line)) return undefined;
  const call = line.replace(V8, '').replace(TAIL, '');
  const nowhere = NOWHERE.exec(call);
  if (nowhere) return frame(nowhere[1] ?? '', '');
  if (!PLACE.test(call)) return undefined;

  const open = call.endsWith(')') ? call.indexOf(' (') : -1;
  if (call.includes('(eval ')) return call.split('(').length > NESTED_EVALS ? undefined : parsed(`at ${call}`);
  return parsed(
    open === -1
      ? `at ${hideBrackets(call)}`
      : `at ${hideBrackets(call.slice(0, open))} (${hideBrackets(call.slice(open + 2, -1))})`,
  );
});

const geckoFrame = remembered((line): StackFrame | undefined => {
  if (NATIVE.test(line)) return frame(line.replace(NATIVE, ''), '');
  // Quotes are in no name of a function, and the parser's pattern for them tries each pair of them.
  if (!GECKO.test(line) || !PLACE.test(line) || HUGE_NUMBER.test(line) || line.includes('"')) return undefined;
  const place = line.replace(EVALUATED, ':$1');
  return parsed(hideBrackets(place.includes('@') ? place : `@${place}`));
});

function parsed(line: string): StackFrame | undefined {
  const [found] = parser.parse({ name: '', message: '', stack: line });
  if (found === undefined) return undefined;
  const { functionName = '', fileName = '', lineNumber = 0, columnNumber = 0 } = found;
  return frame(showBrackets(functionName), placeOf(showBrackets(fileName)), lineNumber, columnNumber);
}

/** The file alone, not the instruction within WebAssembly. */
function placeOf(file: string): string {
  const place = file.replace(/(?::wasm-function\[\d{1,10}\])?:0x[\da-f]{1,16}$/i, '');
  return place.startsWith(':') || place === '<anonymous>' ? '' : place;
}

const frame = (name: string, file: string, line: number = 0, column: number = 0): StackFrame => ({
  file,
  module: '',
  function: name,
  line,
  column,
  inApp: isOwnFile(file),
});
