import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { LRUCache } from 'lru-cache';
import type { Db, ObjectId } from 'mongodb';
import { type FoundMap, sourceMaps, type SourceMaps } from '../db/source-maps.js';
import { entryBytes } from '../domain/entry-bytes.js';
import type { Exception, StackFrame, UnresolvedReason } from '../domain/occurrence.js';
import { nameInBundle } from '../domain/function-name.js';
import { remembered } from '../domain/remembered.js';
import { SOURCE_MAP_LIMITS } from '../domain/source-map.js';
import { reasonWithoutMap } from '../domain/shown-exceptions.js';
import { isOwnSource, mappable, pathKey, tidySource } from '../domain/source-path.js';
import { sourceMapReader, type SourceMapReader, weightOf } from './source-map-reader.js';

export interface Symbolicator {
  /**
   * Frames as the sources have them, where a map says so; elsewhere they stay, and say why. The very same exceptions
   * where the app has no maps at all.
   */
  readonly symbolicate: (
    appId: ObjectId,
    release: string,
    exceptions: readonly Exception[],
  ) => Promise<readonly Exception[]>;
}

interface Deps {
  readonly db: Db;
  readonly now?: () => number;
}

/** A map that was uploaded counts from then on, at the latest; apps and releases without any cost a look-up each. */
const TRUSTED_MS = 10_000;
/** Of what was found for apps, for their releases and for debug ids, each. */
const LOOKUPS_BYTES = 32 * 1024 * 1024;
/** Of a map that was found, beside its path. */
const FOUND_BYTES = 400;
/** Of all maps that are held ready, in bytes. */
const READERS_BYTES = 256 * 1024 * 1024;
/** Source lines are kept for so many frames of an occurrence. */
const MOST_CONTEXTS = 64;
/** A stack runs through few bundles; one that names more invented them. */
const MOST_DEBUG_IDS = 32;

const unzip = promisify(gunzip);

const kindOf = remembered(mappable);

/**
 * Answers that are asked for again within seconds are asked for once; one that failed is not kept.
 * @param weightOf what an answer takes beside its key, where that is seen only then
 */
function remembering<T extends object>(cache: LRUCache<string, Promise<T>>, weightOf?: (found: T) => number) {
  return (key: string, load: () => Promise<T>, size = entryBytes(key)): Promise<T> => {
    const known = cache.get(key);
    if (known !== undefined) return known;
    const loading = load();
    cache.set(key, loading, { size });
    const isKept = (): boolean => cache.peek(key) === loading;
    const weigh = (found: T): void => {
      if (weightOf === undefined || !isKept()) return;
      const ttl = Math.max(1, cache.getRemainingTTL(key));
      // The cache weighs no entry anew that it has already.
      cache.delete(key);
      cache.set(key, loading, { size: size + weightOf(found), ttl });
    };
    loading.then(weigh, () => isKept() && cache.delete(key));
    return loading;
  };
}

export function symbolicator({ db, now = Date.now }: Deps): Symbolicator {
  const store = sourceMaps(db);
  const find = finder(store, now);
  const read = readers(store);

  /** The place in the sources, why there is none, or nothing where none is to be expected. */
  function resolve(app: AppMaps, release: string, frame: StackFrame): Resolved | Promise<Resolved> {
    const kind = kindOf(frame.file);
    if (kind === undefined) return undefined;
    const isExpected = kind === 'url' || (frame.inApp && app.byPath.size > 0) || frame.debugId !== undefined;
    const reason = reasonWithoutMap(frame, release);
    const otherwise = isExpected ? reason : undefined;
    return reason === 'NO_SOURCE_MAP' ? place(app, frame, otherwise) : otherwise;
  }

  async function place({ appId, byPath }: AppMaps, frame: StackFrame, otherwise: Resolved): Promise<Resolved> {
    const { debugId } = frame;
    const byDebugId = debugId === undefined ? undefined : await find.byDebugId(appId, debugId);
    const map = byDebugId ?? byPath.get(pathKey(frame.file) ?? '');
    if (map === undefined) return otherwise;
    const reader = await read(map);
    if (typeof reader === 'string') return reader;
    return reader.find(frame.line - 1, frame.column - 1) ?? 'POSITION_NOT_IN_MAP';
  }

  return {
    async symbolicate(appId, release, exceptions) {
      const isAny = exceptions.some(({ frames }) => frames.some(({ file }) => kindOf(file) !== undefined));
      if (!isAny) return exceptions;
      const app = await find.of(appId, release);
      // Nothing to tell: why frames are as they were sent is said to who reads them.
      if (!app.any) return exceptions;
      const resolved: Resolved[][] = [];
      for (const frames of withFewDebugIds(exceptions)) {
        resolved.push(await Promise.all(frames.map(async (frame) => resolve(app, release, frame))));
      }
      let contexts = 0;
      return exceptions.map((exception, e) => ({
        ...exception,
        frames: exception.frames.map((frame, f) => {
          const found = resolved[e]?.[f];
          if (found === undefined) return frame;
          if (typeof found === 'string') return { ...frame, unresolved: found };
          return original(frame, found, resolved[e]?.[f + 1], contexts++ < MOST_CONTEXTS);
        }),
      }));
    },
  };
}

type Place = NonNullable<ReturnType<SourceMapReader['find']>>;
type Resolved = Place | UnresolvedReason | undefined;

/** Debug ids beyond the first few distinct ones are not looked up. */
function withFewDebugIds(exceptions: readonly Exception[]): readonly (readonly StackFrame[])[] {
  const ids = new Set<string>();
  const mayBeLookedUp = (debugId: string): boolean => {
    if (ids.size < MOST_DEBUG_IDS) ids.add(debugId);
    return ids.has(debugId);
  };
  return exceptions.map(({ frames }) =>
    frames.map((frame) => {
      if (frame.debugId === undefined || mayBeLookedUp(frame.debugId)) return frame;
      const { file, module, function: name, line, column, inApp } = frame;
      return { file, module, function: name, line, column, inApp };
    }),
  );
}

function original(frame: StackFrame, place: Place, caller: Resolved, withContext: boolean): StackFrame {
  const { file, function: name, line, column } = frame;
  return {
    file: tidySource(place.source),
    // Of the bundle, if anything.
    module: '',
    function: functionName(name, place, caller),
    line: place.line + 1,
    column: place.column + 1,
    inApp: isOwnSource(tidySource(place.source)),
    ...(withContext && place.context !== undefined && { context: place.context }),
    ...(frame.debugId !== undefined && { debugId: frame.debugId }),
    minified: { file, function: name, line, column },
  };
}

/** Names as short as minifiers make them change with every build: they say nothing and must not be grouped by. */
const SHORTEST_NAME = 3;

/**
 * What the function was called: by the name its caller called it, else by the text around the place, else as the
 * bundle calls it where that looks like a name. One without a name in the bundle has none in the sources.
 */
function functionName(generated: string, place: Place, caller: Resolved): string {
  const bundled = nameInBundle(generated);
  if (bundled === undefined) return '';
  const called = typeof caller === 'object' ? caller.name : undefined;
  return called ?? place.enclosing ?? (bundled.length >= SHORTEST_NAME ? bundled : '');
}

/** What an app has for a release. */
interface AppMaps {
  readonly appId: ObjectId;
  readonly any: boolean;
  readonly byPath: ReadonlyMap<string, FoundMap>;
}

function finder(store: SourceMaps, now: () => number) {
  const brief = { maxSize: LOOKUPS_BYTES, ttl: TRUSTED_MS, ttlResolution: 0, perf: { now } };
  const apps = remembering(new LRUCache<string, Promise<{ readonly any: boolean }>>(brief));
  const paths = remembering(new LRUCache<string, Promise<ReadonlyMap<string, FoundMap>>>(brief), (found) =>
    [...found.keys()].reduce((bytes, path) => bytes + FOUND_BYTES + entryBytes(path), 0),
  );
  const debugIds = remembering(new LRUCache<string, Promise<{ readonly map: FoundMap | undefined }>>(brief));
  const none: ReadonlyMap<string, FoundMap> = new Map();

  return {
    async of(appId: ObjectId, release: string): Promise<AppMaps> {
      const app = appId.toHexString();
      const { any } = await apps(app, async () => ({ any: await store.hasAny(appId) }));
      if (!any || release === '') return { appId, any, byPath: none };
      return { appId, any, byPath: await paths(`${app}/${release}`, () => store.byPath(appId, release)) };
    },

    async byDebugId(appId: ObjectId, debugId: string): Promise<FoundMap | undefined> {
      const key = `${appId.toHexString()}/${debugId}`;
      return (await debugIds(key, async () => ({ map: await store.byDebugId(appId, debugId) }))).map;
    },
  };
}

/** Maps are read one at a time, since a large one takes a multiple of its size while it is read. */
function readers(store: SourceMaps) {
  interface Read {
    readonly reader: SourceMapReader | UnresolvedReason;
  }
  const cache = new LRUCache<string, Promise<Read>>({ maxSize: READERS_BYTES });
  const once = remembering(cache);
  let turn: Promise<unknown> = Promise.resolve();

  async function load(map: FoundMap): Promise<Read> {
    const gzip = await store.read(map);
    if (gzip === undefined) {
      cache.delete(map._id.toHexString());
      return { reader: 'NO_SOURCE_MAP' };
    }
    try {
      const text = await unzip(gzip, { maxOutputLength: SOURCE_MAP_LIMITS.bytes });
      return { reader: sourceMapReader(text.toString('utf8')) ?? 'SOURCE_MAP_INVALID' };
    } catch {
      return { reader: 'SOURCE_MAP_INVALID' };
    }
  }

  return async (map: FoundMap): Promise<Read['reader']> => {
    const inTurn = () => {
      const loading = turn.then(() => load(map));
      turn = loading.catch(() => undefined);
      return loading;
    };
    return (await once(map._id.toHexString(), inTurn, weightOf(map))).reader;
  };
}
