import { remembered } from './remembered.js';

const FILE = 1024;
const NORMALISED = 200;

/** Not a file at all: the runtime's own code, and code that was never loaded from anywhere. */
const NO_FILE = /^(?:|\(?native\)?|\[native code\]|<?(?:anonymous|eval|unknown)>?|debugger eval code|eval code)$/;

/** What runs in the same page or process and is not the app: the runtime, extensions, injected scripts. */
const FOREIGN_SCHEME =
  /^(?:node:|ext:|internal\/|chrome:|resource:|user-script:|safari-web-extension:|webkit-masked-url:|[a-z-]{1,20}-extension:)/;
/** Installed packages, also under the names that bundlers give them, and the bundler's own runtime. */
const FOREIGN_FOLDER =
  /(?:^|[/\\])(?:node_modules|bower_components|~)[/\\]|(?:^|\/)\(?webpack\)?\/(?:bootstrap|runtime|buildin|startup)/;

/** Whether a file is the app's own code. Without a file nothing is. */
export const isOwnFile = remembered((file) => {
  const name = file.slice(0, FILE);
  return !NO_FILE.test(name) && !FOREIGN_SCHEME.test(name) && !FOREIGN_FOLDER.test(name);
});

const HEX = /^[0-9a-f]{6,64}$/i;
const DIGIT = /\d/;
const VERSION = /^v?\d{1,10}(?:\.\d{1,10}){1,3}(?:[-+][\w.]{1,40})?$/;
/** A date, a time, a number of a build. */
const NUMBERS = /^\d[\dTZ_.-]{0,40}$/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const isHex = (token: string) => HEX.test(token) && DIGIT.test(token);

/** `Checkout`, `UserList`, `Version2`, `12`. */
const WORDS = /^(?:[A-Z]?[a-z]{2,}(?:[A-Z][a-z]{2,})*)?\d{0,2}$/;
const isWords = (token: string) => token.split(/[-_]/).every((part) => WORDS.test(part));

const isLongHash = (token: string) =>
  /^[\w-]{16,64}$/.test(token) && DIGIT.test(token) && /[a-z]/.test(token) && /[A-Z]/.test(token) && !isWords(token);

/**
 * Rollup, Vite and esbuild end names with eight letters of base64 or base32. A real word of eight letters in lower case
 * stays; one with a capital goes, since keeping a hash splits a group with every deploy, and losing a word costs little:
 * the function still tells places apart.
 */
const isShortHash = (token: string) =>
  /^[\w-]{8}$/.test(token) && (token.includes('-') ? /[A-Z]/ : /[A-Z\d]/).test(token);

const isHash = (token: string) => isHex(token) || isLongHash(token) || (isShortHash(token) && !isWords(token));

/** A folder that is another one with each deploy. */
const isVolatileFolder = (name: string) =>
  NUMBERS.test(name) || VERSION.test(name) || UUID.test(name) || isHex(name) || isLongHash(name);

/** `build-8f3a2b1c` and `shop-1.2.3` are `build` and `shop`. */
function stableFolder(name: string): string {
  const cut = name.lastIndexOf('-');
  if (cut < 1) return name;
  const tail = name.slice(cut + 1);
  return isHex(tail) || VERSION.test(tail) ? name.slice(0, cut) : name;
}

/** `main-3f2a9c1b` is `main`, `index-Bx-z12_a` is `index`. */
function stableToken(token: string): string {
  if (token.length > 9 && token.at(-9) === '-' && isShortHash(token.slice(-8))) return token.slice(0, -9);
  const cut = Math.max(token.lastIndexOf('-'), token.lastIndexOf('_'));
  if (cut < 1) return token;
  const tail = token.slice(cut + 1);
  return isHex(tail) || isLongHash(tail) ? token.slice(0, cut) : token;
}

/** What bundlers write; sources keep their names as they are. */
const BUNDLED = /\.(?:[cm]?js|css|wasm)$/;

/** The name of a file without hashes and versions; `*` where nothing else is in it. */
function stableName(name: string): string {
  if (!BUNDLED.test(name)) return name;
  const unversioned = name.replace(/[-.]v?\d{1,10}(?:\.\d{1,10}){1,3}(?=[-.])/, '');
  const tokens = unversioned.split('.').slice(-8);
  const extension = tokens.pop() ?? '';
  const [first = '', ...rest] = tokens;
  const head = isHash(first) ? '*' : stableToken(first);
  const tail = rest.filter((token) => !isHash(token)).map(stableToken);
  return [isHex(head) || NUMBERS.test(head) ? '*' : head, ...tail, extension].join('.');
}

/** Whether the name tells that a bundler made the file, and so perhaps its functions' names. */
export const isBundleName = remembered((file) => {
  const path = file.slice(0, FILE).replace(/[?#].*$/s, '');
  const name = path.slice(path.lastIndexOf('/') + 1);
  return /\.min\.[cm]?js$/.test(name) || stableName(name) !== name;
});

/** Where images and platforms put any app. */
const HOMES = /^\/(?:usr\/src\/app|var\/task|workspace|app)\//;
const BUILT = new Set(['build', 'dist', 'out', '.next', '.output']);
const WRITTEN = new Set(['app', 'apps', 'lib', 'packages', 'server', 'src']);

/** `/srv/shop/releases/42/dist/cart.js` is `dist/cart.js` on every machine; without such a root the last folder stays. */
function withoutDeployment(folders: readonly string[]): readonly string[] {
  const built = folders.findLastIndex((folder) => BUILT.has(folder));
  const root = built === -1 ? folders.findIndex((folder) => WRITTEN.has(folder)) : built;
  return root === -1 ? folders.slice(-1) : folders.slice(root);
}

/** An installed package is the same wherever it is installed. */
function withinPackage(folders: readonly string[]): readonly string[] {
  const modules = folders.lastIndexOf('node_modules');
  return modules === -1 ? folders : folders.slice(modules + 1);
}

const SCHEME = /^([a-z][a-z0-9+.-]{1,30}):\/\/[^/]*/i;
/** Next.js: the build's own folder lies between these two. */
const NEXT_SHARED = new Set(['chunks', 'css', 'media', 'development', 'webpack']);

/**
 * A file as it is the same after the next deploy and on the next machine: without protocol, host, query, hashes of
 * bundles, versions and the directory it was deployed to. `''` where there is no file, or a page with inline script,
 * whose path may hold anything.
 */
export const normaliseFile = remembered((file) => {
  const name = file.slice(0, FILE).trim();
  if (NO_FILE.test(name)) return '';
  if (name.startsWith('data:') || name.startsWith('blob:') || name.startsWith('wasm:'))
    return name.slice(0, name.indexOf(':'));
  if (name.startsWith('node:')) return name.slice(0, NORMALISED);

  const slashed = name.replaceAll('\\', '/');
  const scheme = SCHEME.exec(slashed)?.[1]?.toLowerCase();
  const [address = ''] = slashed.split(scheme === undefined ? /\?/ : /[?#]/, 1);
  const path = address.replace(SCHEME, '').replace(/^\/?[a-z]:\//i, '/');
  const isLocal = scheme === 'file' || (scheme === undefined && (path.startsWith('/') || /^[a-z]:\//i.test(address)));

  const segments = (isLocal ? path.replace(HOMES, '/') : path)
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.' && segment !== '..');
  // `(rsc)` and `[project]` are layers of a bundler; as a route's own name they stand further in.
  if (/^(?:\(.*\)|\[project\])$/.test(segments[0] ?? '')) segments.shift();
  const last = segments.pop() ?? '';
  if (scheme?.startsWith('http') === true && !/\.(?!html?$|php$|aspx?$|jsp$)\w{1,10}$/.test(last)) return '';

  const shared = segments.filter(
    (folder, i) => !(segments[i - 2] === '_next' && segments[i - 1] === 'static' && !NEXT_SHARED.has(folder)),
  );
  const inPackage = shared.includes('node_modules');
  const stable = withinPackage(shared)
    .filter((folder) => !isVolatileFolder(folder))
    .map(stableFolder);
  const folders = isLocal && !inPackage ? withoutDeployment(stable) : stable;
  return [...folders, stableName(last)].join('/').slice(-NORMALISED);
});
