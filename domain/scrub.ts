import type { ScrubConfig } from './app.js';
import type { Breadcrumb, Exception, FrameContext, Occurrence, StackFrame } from './occurrence.js';
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

/** Nothing longer is ever stored, so nothing behind it is looked at; it is cut off instead. */
const TEXT_CHARS = 20 * 1024;
const STACK_CHARS = 260 * 1024;
/** In all of one occurrence. What is beyond goes as a whole: what nobody looks through, nobody stores. */
const TOTAL_CHARS = 1024 * 1024;
/** The same for the app's own patterns, by what they cost. */
const TOTAL_STEPS = 40_000_000;

const LINE_CHARS = 2 * 1024;

/** A line of a stack that names a place, in any browser's way. */
function isFrame(line: string): boolean {
  const looked = line.slice(0, LINE_CHARS).trim();
  if (looked.startsWith('at ')) return true;
  const place = looked.slice(looked.lastIndexOf(' ') + 1);
  return /:\d{1,9}\)?$/.test(place) && /[/@]/.test(place);
}

type Clean = (text: string) => string;
type Texts = Readonly<Record<string, string>>;

/**
 * Takes secrets out of an occurrence before it is stored anywhere: values under secret names, and what looks like a
 * secret in any text. Frames stay frames: from a file, a function or a line of source only what is a secret wherever
 * it stands goes, so that errors group and resolve as before. Ids, release, environment and flags stay as they are.
 */
export function scrubber(config: ScrubConfig): (occurrence: Occurrence) => Occurrence {
  const isSecret = secretNames(config.keys);
  const own = anyOf(config.patterns);

  const inFrame: Clean = (text) => withoutSecretParameters(withoutTokens(text), isSecret);

  return (occurrence) => {
    let left = TOTAL_CHARS;
    let steps = TOTAL_STEPS;
    const within = (clean: Clean, chars: number): Clean => {
      return (text) => {
        const looked = text.slice(0, chars);
        left -= looked.length;
        return left < 0 && text !== '' ? SCRUBBED : clean(looked);
      };
    };
    const withoutOwn = (text: string): string => {
      if (own === undefined) return text;
      steps -= text.length * own.instructions;
      if (steps < 0) return SCRUBBED;
      return own.test(text) ? own.replaceAll(text, SCRUBBED) : text;
    };
    const inText: Clean = (text) => {
      if (text === '') return text;
      let clean = withoutCards(withoutSecretPairs(withoutTokens(text), isSecret));
      if (config.emails) clean = withoutEmails(clean);
      if (config.ips) clean = withoutIps(clean);
      return withoutOwn(clean);
    };
    const inStack: Clean = (text) =>
      withoutTokens(text) // as a whole: a private key has many lines
        .split('\n')
        .map((line) => (isFrame(line) ? inFrame(line) : inText(line)))
        .join('\n');
    const text = within(inText, TEXT_CHARS);
    const place = within(inFrame, TEXT_CHARS);
    const source = within(withoutTokens, TEXT_CHARS);

    const values = (map: Texts): Texts =>
      Object.fromEntries(
        Object.entries(map).map(([name, value]) => [name, value !== '' && isSecret(name) ? SCRUBBED : text(value)]),
      );
    const context = ({ before, line, after }: FrameContext): FrameContext => {
      const clean = [...before, line, ...after].some((each) => each.includes('PRIVATE KEY')) ? () => SCRUBBED : source;
      return { before: before.map(clean), line: clean(line), after: after.map(clean) };
    };
    const frame = (it: StackFrame): StackFrame => ({
      ...it,
      file: place(it.file),
      module: place(it.module),
      function: place(it.function),
      ...(it.context !== undefined && { context: context(it.context) }),
    });
    const exception = (it: Exception): Exception => ({
      ...it,
      type: place(it.type),
      value: text(it.value),
      frames: it.frames.map(frame),
    });
    const breadcrumb = (it: Breadcrumb): Breadcrumb => ({
      ...it,
      category: place(it.category),
      message: text(it.message),
      data: values(it.data),
    });

    const { pageContext: page } = occurrence;
    return {
      ...occurrence,
      errorType: place(occurrence.errorType),
      message: text(occurrence.message),
      exceptions: occurrence.exceptions.map(exception),
      stackTrace: within(inStack, STACK_CHARS)(occurrence.stackTrace),
      sourceFile: place(occurrence.sourceFile),
      userComment: text(occurrence.userComment),
      tags: values(occurrence.tags),
      pageUrl: text(occurrence.pageUrl),
      pageContext: page && {
        ...page,
        path: text(page.path),
        title: text(page.title),
        referrer: text(page.referrer),
      },
      fingerprint: occurrence.fingerprint.map(text),
      // The newest first: they are the ones that are kept.
      breadcrumbs: occurrence.breadcrumbs.toReversed().map(breadcrumb).toReversed(),
    };
  };
}
