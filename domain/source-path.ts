import { SOURCE_MAP_LIMITS } from './source-map.js';

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\/[^/]*/i;
const DRIVE = /^[a-z]:[\\/]/i;

/**
 * A file as the key to its source map: the path of a URL, without host, query and fragment, so that a bundle is found
 * wherever it is served from. `~/static/app.js`, which Sentry's command line writes, is the same. Undefined: no key.
 */
export function pathKey(file: string): string | undefined {
  if (file === '' || file.length > SOURCE_MAP_LIMITS.path) return undefined;
  const path = file
    .replace(SCHEME, '')
    .replace(/[?#].*$/s, '')
    .replace(DRIVE, (drive) => `/${drive}`)
    .replaceAll('\\', '/')
    .replace(/^~?(\.?\/)*/, '/')
    .replace(/\/{2,}/g, '/');
  return path === '/' ? undefined : path;
}

/** What a path key looks like to people. */
export const shownPath = (key: string): string => `~${key}`;

/**
 * Whether a frame may lie in a bundle: in one that browsers and apps load by URL, or in a script of Node's, which
 * often is no bundle at all. What has no script, the runtime's own code and extensions' code never does.
 */
export function mappable(file: string): 'url' | 'file' | undefined {
  if (
    /^(?:node|webpack-internal|chrome-extension|moz-extension|safari-web-extension|blob|data|about|eval)\b:?/i.test(
      file,
    )
  ) {
    return undefined;
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(file)?.[1]?.toLowerCase();
  const isScript = /\.(?:[cm]?jsx?|bundle|hbc)(?:[?#]|$)/i.test(file);
  if (scheme === 'http' || scheme === 'https') return 'url';
  if (scheme !== undefined && scheme !== 'file') return isScript ? 'url' : undefined;
  return isScript ? 'file' : undefined;
}

const BUNDLER = /^(?:webpack(?:-internal)?|turbopack|rollup|rspack|vite|ng|parcel|metro):\/\/(?:\[[^\]/]*\]|[^/]*)\//i;

/** An original source as people know it: without the bundler's scheme, its hashes, and the way up from its output. */
export function tidySource(source: string): string {
  return source
    .slice(0, SOURCE_MAP_LIMITS.path)
    .replace(BUNDLER, '')
    .replace(/\?[0-9a-f]{4,}$/i, '')
    .replace(/^(?:\.{1,2}\/)+/, '')
    .replace(/^\(webpack\)\//, 'webpack/');
}

/** Of the app itself: no package, and nothing that a bundler or a runtime put in. */
export const isOwnSource = (source: string): boolean =>
  !/(?:^|\/)(?:node_modules|bower_components)\//.test(source) &&
  !/^(?:webpack\/|\(?webpack\)?|external |ignored |<|node:|\0)/.test(source);
