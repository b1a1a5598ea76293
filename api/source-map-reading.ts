import { hash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { parseSourceMap, type SourceMapFacts, type SourceMapFault } from '../domain/source-map.js';

/** A map as it is stored, and what is in it. */
export interface ReadMap {
  readonly facts: SourceMapFacts;
  readonly hash: string;
  readonly gzip: Uint8Array;
}

/** Takes up to some seconds for a map of the allowed size. */
export function readSourceMap(bytes: Uint8Array): ReadMap | SourceMapFault {
  const parsed = parseSourceMap(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  if ('fault' in parsed) return parsed;
  return { facts: parsed.facts, hash: hash('sha256', bytes), gzip: gzipSync(bytes) };
}
