import { sizeOfJson } from './json-text.js';
import { LIMITS } from './limits.js';

/** Bounds on what an app may upload. A map inflates by a few times when it is read, so these bound memory too. */
export const SOURCE_MAP_LIMITS = {
  bytes: 64 * 1024 * 1024,
  mapsPerRelease: 2_000,
  storedBytesPerApp: 10 * 1024 * 1024 * 1024,
  segments: 3_000_000,
  lines: 2_000_000,
  sections: 10_000,
  sources: 100_000,
  names: 1_000_000,
  path: 2_000,
  /** Of its JSON. In 64 MiB, 22 million empty lists would fit, which take ten times as much memory once they are built. */
  values: 3_000_000,
} as const;

/** What is in a map: what its uploader is told, and what reading it costs. */
export interface SourceMapFacts {
  readonly sources: number;
  /** Of them, those that come with their text: without it a frame has no lines around it. */
  readonly withContent: number;
  readonly names: number;
  readonly segments: number;
  readonly debugId: string | undefined;
}

export interface SourceMapFault {
  readonly fault: string;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isText = (value: unknown): boolean => typeof value === 'string';
const isTextOrNull = (value: unknown): boolean => value === null || typeof value === 'string';
const isCount = (value: unknown, most: number): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most;

const UUID = /^([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})$/;

/** A debug id as it is stored and compared: lower case, with hyphens. Undefined for what is none. */
export function debugIdOf(text: unknown): string | undefined {
  if (typeof text !== 'string' || text.length > 36) return undefined;
  return UUID.exec(text.toLowerCase())?.slice(1).join('-');
}

/** Reads the text of a source map; it may begin with a line that keeps a script from being run as one. */
export function parseSourceMap(
  text: string,
): { readonly map: object; readonly facts: SourceMapFacts } | SourceMapFault {
  const json = text.replace(/^\uFEFF?(?:\)\]\}[^\n]{0,100}\n)?/, '');
  let map: unknown;
  try {
    const { values, isTooDeep } = sizeOfJson(json);
    if (isTooDeep) return { fault: `a source map is at most ${String(LIMITS.jsonLevels)} levels deep` };
    if (values > SOURCE_MAP_LIMITS.values)
      return { fault: `a source map has at most ${String(SOURCE_MAP_LIMITS.values)} values` };
    map = JSON.parse(json);
  } catch {
    return { fault: 'the body is no source map: it is no JSON' };
  }
  const facts = examineSourceMap(map);
  return 'fault' in facts ? facts : { map: map as object, facts };
}

/** Whether parsed JSON is a source map that can be read within the bounds, and what is in it. Takes linear time. */
function examineSourceMap(value: unknown): SourceMapFacts | SourceMapFault {
  if (!isRecord(value)) return { fault: 'the body is no source map: it is no JSON object' };
  if (value['version'] !== 3) return { fault: 'only version 3 of source maps is known; "version" must be 3' };
  const debugId = debugIdOf(value['debugId']) ?? debugIdOf(value['debug_id']);
  const parts = 'sections' in value ? partsOf(value['sections']) : [value];
  if ('fault' in parts) return parts;

  const sum = { sources: 0, withContent: 0, names: 0, segments: 0, lines: 0 };
  for (const part of parts) {
    const facts = examinePart(part, parts.length > 1);
    if ('fault' in facts) return facts;
    sum.sources += facts.sources;
    sum.withContent += facts.withContent;
    sum.names += facts.names;
    sum.segments += facts.segments;
    sum.lines += facts.lines;
    for (const what of ['sources', 'names', 'segments', 'lines'] as const) {
      if (sum[what] > SOURCE_MAP_LIMITS[what]) {
        return { fault: `a source map has at most ${String(SOURCE_MAP_LIMITS[what])} ${what}` };
      }
    }
  }
  if (sum.segments === 0 || sum.sources === 0)
    return { fault: 'the source map maps nothing: no mappings or no sources' };
  const { sources, withContent, names, segments } = sum;
  return { sources, withContent, names, segments, debugId };
}

/** The maps of an index map. One that lies elsewhere is refused: nothing is ever fetched. */
function partsOf(sections: unknown): readonly unknown[] | SourceMapFault {
  const { sections: most, lines } = SOURCE_MAP_LIMITS;
  if (!Array.isArray(sections)) return { fault: '"sections" must be a list' };
  if (sections.length > most) return { fault: `a source map has at most ${String(most)} sections` };
  const parts: unknown[] = [];
  let last = { line: 0, column: -1 };
  for (const section of sections as readonly unknown[]) {
    if (!isRecord(section) || !isRecord(section['map'])) return { fault: 'each section must hold its map itself' };
    if ('sections' in section['map']) return { fault: 'sections within sections are not allowed' };
    const { line, column } = isRecord(section['offset']) ? section['offset'] : {};
    if (!isCount(line, lines) || !isCount(column, 2 ** 31 - 1)) return { fault: 'a section has no usable "offset"' };
    if (line < last.line || (line === last.line && column <= last.column)) {
      return { fault: 'sections must stand in the order of their offsets' };
    }
    last = { line, column };
    parts.push(section['map']);
  }
  return parts;
}

function examinePart(map: unknown, isSection: boolean) {
  if (!isRecord(map)) return { fault: 'each section must hold a map' };
  const { sources, sourcesContent: contents, names = [], mappings, sourceRoot } = map;
  if (!Array.isArray(sources) || !sources.every(isTextOrNull)) return { fault: '"sources" must be a list of texts' };
  if (!Array.isArray(names) || !names.every(isText)) return { fault: '"names" must be a list of texts' };
  if (contents !== undefined && contents !== null && !(Array.isArray(contents) && contents.every(isTextOrNull))) {
    return { fault: '"sourcesContent" must be a list of texts' };
  }
  const texts: readonly unknown[] = Array.isArray(contents) ? contents : [];
  if (texts.length > sources.length || (isSection && texts.length > 0 && texts.length < sources.length)) {
    return { fault: '"sourcesContent" must have one entry for each source' };
  }
  if (sourceRoot !== undefined && !isTextOrNull(sourceRoot)) return { fault: '"sourceRoot" must be a text' };
  const counted = countMappings(mappings);
  if ('fault' in counted) return counted;
  const withContent = texts.filter(isText).length;
  return { sources: sources.length, withContent, names: names.length, ...counted };
}

/** By the character, since a pattern over tens of megabytes is no faster and says less. */
function countMappings(mappings: unknown): { readonly segments: number; readonly lines: number } | SourceMapFault {
  if (typeof mappings !== 'string') return { fault: '"mappings" must be a text' };
  let segments = 0;
  let lines = 1;
  let isInside = false;
  for (let i = 0; i < mappings.length; i++) {
    const char = mappings.charCodeAt(i);
    if (char === 0x2c || char === 0x3b) {
      isInside = false;
      if (char === 0x3b) lines++;
      continue;
    }
    const isLetter = (char >= 0x41 && char <= 0x5a) || (char >= 0x61 && char <= 0x7a);
    const isOther = (char >= 0x30 && char <= 0x39) || char === 0x2b || char === 0x2f;
    if (!isLetter && !isOther) return { fault: '"mappings" holds what is no base64 VLQ' };
    if (!isInside) segments++;
    isInside = true;
  }
  return { segments, lines };
}
