import {
  BREADCRUMB_DATA,
  CONTEXT_LINE,
  FINGERPRINT_PARTS,
  FLAGS,
  FRAME_TEXT,
  NAME,
  TAGS,
  WIDE,
} from './bound-occurrence.js';
import { LIMITS } from './limits.js';
import type { Breadcrumb, Exception, FrameContext, Occurrence, StackFrame } from './occurrence.js';
import { SCRUBBED } from './secret-text.js';

/** Stays behind the bound of a text until it is scrubbed: a secret that is cut in half looks like none. */
const SLACK = 4 * 1024;

/** How a text is scrubbed. `hidden`: not at all, it goes. */
export type TextKind = 'text' | 'place' | 'source' | 'stack' | 'hidden';

/** @param name the one that the text is the value of, as with a tag */
export type Clean = (text: string, kind: TextKind, name?: string) => string;

export interface Trimmed {
  readonly occurrence: Occurrence;
  /** Names of the fields that were cut. */
  readonly cut: ReadonlySet<string>;
}

type Texts = Readonly<Record<string, string>>;
interface MapBounds {
  readonly entries: number;
  readonly value: number;
}

/**
 * As much of an occurrence as may be stored, each text of it cleaned; `boundOccurrence` then brings the bytes to size.
 * Cut, clean, cut: lists to their bounds and texts to a little more than theirs, so that whatever is sent, what is
 * looked through is bounded; and what stood behind a cut text's bound goes at last, with any half of a secret in it.
 * The texts come in the same order each time, the newest breadcrumbs before older ones.
 */
export function trimOccurrence(occurrence: Occurrence, clean: Clean): Trimmed {
  const cut = new Set<string>();

  const text = (field: string, value: string, bound: number, kind: TextKind = 'text', name?: string): string => {
    if (value.length <= bound + SLACK) return clean(value, kind, name);
    cut.add(field);
    const cleaned = clean(value.slice(0, bound + SLACK), kind, name);
    // What ends as a secret has no half of one there.
    return cleaned.endsWith(SCRUBBED) ? cleaned : cleaned.slice(0, Math.max(0, cleaned.length - SLACK));
  };
  const list = <T>(field: string, items: readonly T[], most: number): readonly T[] => {
    if (items.length <= most) return items;
    cut.add(field);
    return items.slice(0, most);
  };
  const map = (field: string, values: Texts, most: MapBounds): Texts =>
    Object.fromEntries(
      list(field, Object.entries(values), most.entries).map(([name, value]) => [
        name,
        text(field, value, most.value, 'text', name),
      ]),
    );
  const asStated = (field: string, values: Texts, most: MapBounds): Texts =>
    Object.fromEntries(list(field, Object.entries(values), most.entries));

  const context = ({ before, line, after }: FrameContext): FrameContext => {
    const isKey = [...before, line, ...after].some((each) => each.includes('PRIVATE KEY'));
    const kind = isKey ? 'hidden' : 'source';
    const source = (each: string): string =>
      each.length <= CONTEXT_LINE + SLACK
        ? clean(each, kind)
        : clean(each.slice(0, CONTEXT_LINE + SLACK), kind).slice(0, CONTEXT_LINE);
    return {
      before: before.slice(-WIDE.contextLines).map(source),
      line: source(line),
      after: after.slice(0, WIDE.contextLines).map(source),
    };
  };
  const place = (field: string, value: string, bound: number): string => text(field, value, bound, 'place');
  const frame = (it: StackFrame): StackFrame => ({
    ...it,
    file: place('exceptions', it.file, FRAME_TEXT),
    module: place('exceptions', it.module, FRAME_TEXT),
    function: place('exceptions', it.function, FRAME_TEXT),
    ...(it.context !== undefined && { context: context(it.context) }),
  });
  let framesLeft = WIDE.frames;
  const exception = (it: Exception): Exception => {
    const frames = list('exceptions', it.frames, framesLeft);
    framesLeft -= frames.length;
    return {
      ...it,
      type: place('exceptions', it.type, NAME),
      value: text('exceptions', it.value, WIDE.exceptionValue),
      frames: frames.map(frame),
    };
  };
  const breadcrumb = (it: Breadcrumb): Breadcrumb => ({
    ...it,
    category: place('breadcrumbs', it.category, NAME),
    message: text('breadcrumbs', it.message, LIMITS.mapValue),
    data: map('breadcrumbs', it.data, BREADCRUMB_DATA),
  });

  const { pageContext: page, flags, breadcrumbs } = occurrence;
  if (breadcrumbs.length > WIDE.breadcrumbs) cut.add('breadcrumbs');
  const trimmed: Occurrence = {
    ...occurrence,
    errorType: place('errorType', occurrence.errorType, NAME),
    message: text('message', occurrence.message, WIDE.message),
    exceptions: list('exceptions', occurrence.exceptions, WIDE.exceptions).map(exception),
    stackTrace: text('stackTrace', occurrence.stackTrace, WIDE.stack, 'stack'),
    sourceFile: place('sourceFile', occurrence.sourceFile, LIMITS.url),
    userComment: text('userComment', occurrence.userComment, LIMITS.text),
    tags: map('tags', occurrence.tags, TAGS),
    pageUrl: text('pageUrl', occurrence.pageUrl, LIMITS.url),
    pageContext: page && {
      ...page,
      path: text('pageContext', page.path, LIMITS.url),
      title: text('pageContext', page.title, LIMITS.mapValue),
      referrer: text('pageContext', page.referrer, LIMITS.url),
    },
    fingerprint: list('fingerprint', occurrence.fingerprint, FINGERPRINT_PARTS).map((part) =>
      text('fingerprint', part, LIMITS.mapValue),
    ),
    flags: flags && asStated('flags', flags, FLAGS),
    breadcrumbs: breadcrumbs.slice(-WIDE.breadcrumbs).toReversed().map(breadcrumb).toReversed(),
  };
  return { occurrence: trimmed, cut };
}
