import { decodedMappings, FlattenMap, type SectionedSourceMapInput } from '@jridgewell/trace-mapping';
import { enclosingFunction } from '../domain/enclosing-function.js';
import type { FrameContext } from '../domain/occurrence.js';
import { parseSourceMap } from '../domain/source-map.js';

/** Where a place in a bundle comes from; lines and columns from 0. */
interface Original {
  readonly source: string;
  readonly line: number;
  readonly column: number;
  /** What the identifier at exactly this place was called. */
  readonly name: string | undefined;
  /** The function around it, as its text lets see. */
  readonly enclosing: string | undefined;
  readonly context: FrameContext | undefined;
}

const CONTEXT_LINES = 5;
const LONGEST_LINE = 200;
const LONGEST_NAME = 200;
const MOST_REMEMBERED = 1_000;
/** Of a place that is remembered, with the lines around it. */
const PLACE_BYTES = 1_500;
const NO_SOURCE = -1;

/** What a look-up costs in memory, so that a cache of readers can be bounded. */
export const weightOf = ({ bytes, segments }: { readonly bytes: number; readonly segments: number }): number =>
  2 * bytes + 24 * segments + PLACE_BYTES * Math.min(segments, MOST_REMEMBERED);

/** Undefined where the text is no source map that may be read. Never throws. */
export function sourceMapReader(text: string) {
  const parsed = parseSourceMap(text);
  if ('fault' in parsed) return undefined;
  try {
    return readerOf(new FlattenMap(parsed.map as SectionedSourceMapInput));
  } catch {
    return undefined;
  }
}

export type SourceMapReader = NonNullable<ReturnType<typeof sourceMapReader>>;

function readerOf(map: InstanceType<typeof FlattenMap>) {
  const { resolvedSources, names, sourcesContent } = map;
  const segments = compact(map);
  /** Frames repeat: most of a flood are in few places. */
  const remembered = new Map<string, Original | null>();
  const lineStarts = new Map<number, Uint32Array>();

  function contentOf(source: number): { readonly text: string; readonly starts: Uint32Array } | undefined {
    const text = sourcesContent?.[source];
    if (typeof text !== 'string') return undefined;
    const starts = lineStarts.get(source) ?? startsOf(text);
    lineStarts.set(source, starts);
    return { text, starts };
  }

  function look(line: number, column: number): Original | null {
    const at = segments.find(line, column);
    const index = at === undefined ? NO_SOURCE : (segments.source[at] ?? NO_SOURCE);
    const source: unknown = resolvedSources[index];
    if (at === undefined || typeof source !== 'string' || source === '') return null;
    const [sourceLine = 0, sourceColumn = 0] = [segments.line[at], segments.sourceColumn[at]];
    if (sourceLine < 0 || sourceColumn < 0) return null;
    const named: unknown = segments.column[at] === column ? names[segments.name[at] ?? NO_SOURCE] : undefined;
    const content = contentOf(index);
    const start = content?.starts[sourceLine];
    return {
      source,
      line: sourceLine,
      column: sourceColumn,
      name: typeof named === 'string' ? named.slice(0, LONGEST_NAME) : undefined,
      enclosing:
        content === undefined || start === undefined
          ? undefined
          : enclosingFunction(content.text, start + sourceColumn)?.slice(0, LONGEST_NAME),
      context: content === undefined || start === undefined ? undefined : contextAt(content, sourceLine),
    };
  }

  return {
    /** Where this place in the bundle (from 0) comes from; undefined where the map does not say. */
    find(line: number, column: number): Original | undefined {
      const key = `${String(line)}:${String(column)}`;
      const known = remembered.get(key);
      if (known !== undefined) return known ?? undefined;
      if (remembered.size >= MOST_REMEMBERED) remembered.clear();
      const found = look(line, column);
      remembered.set(key, found);
      return found ?? undefined;
    },
  };
}

/** The mappings as flat lists of numbers: a fraction of the memory that a list for each segment takes. */
function compact(map: InstanceType<typeof FlattenMap>) {
  const decoded = decodedMappings(map);
  const count = decoded.reduce((sum, line) => sum + line.length, 0);
  const starts = new Uint32Array(decoded.length + 1);
  const [column, source, line, sourceColumn, name] = Array.from({ length: 5 }, () => new Int32Array(count)) as [
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
    Int32Array,
  ];
  let at = 0;
  decoded.forEach((segments, index) => {
    starts[index] = at;
    for (const segment of segments) {
      column[at] = segment[0];
      source[at] = segment.length === 1 ? NO_SOURCE : segment[1];
      line[at] = segment.length === 1 ? 0 : segment[2];
      sourceColumn[at] = segment.length === 1 ? 0 : segment[3];
      name[at] = segment.length === 5 ? segment[4] : NO_SOURCE;
      at++;
    }
  });
  starts[decoded.length] = at;

  return {
    column,
    source,
    line,
    sourceColumn,
    name,
    /** The last segment of that line that begins at or before that column; of several that do, the first. */
    find(generatedLine: number, generatedColumn: number): number | undefined {
      const first = starts[generatedLine];
      const end = starts[generatedLine + 1];
      if (first === undefined || end === undefined) return undefined;
      let [low, high] = [first, end];
      while (low < high) {
        const middle = (low + high) >>> 1;
        if ((column[middle] ?? 0) <= generatedColumn) low = middle + 1;
        else high = middle;
      }
      let found = low - 1;
      if (found < first) return undefined;
      while (found > first && column[found - 1] === column[found]) found--;
      return found;
    },
  };
}

function startsOf(text: string): Uint32Array {
  let lines = 1;
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) lines++;
  const starts = new Uint32Array(lines);
  let line = 0;
  for (let i = text.indexOf('\n'); i !== -1; i = text.indexOf('\n', i + 1)) starts[++line] = i + 1;
  return starts;
}

function contextAt({ text, starts }: { readonly text: string; readonly starts: Uint32Array }, line: number) {
  const lineAt = (index: number): string => {
    const start = starts[index] ?? text.length;
    const end = Math.min((starts[index + 1] ?? text.length + 1) - 1, start + LONGEST_LINE);
    return text.slice(start, end).replace(/\r$/, '');
  };
  const range = (from: number, to: number): string[] =>
    Array.from({ length: Math.max(0, to - from) }, (_, n) => lineAt(from + n));
  return {
    before: range(Math.max(0, line - CONTEXT_LINES), line),
    line: lineAt(line),
    after: range(line + 1, Math.min(starts.length, line + 1 + CONTEXT_LINES)),
  };
}
