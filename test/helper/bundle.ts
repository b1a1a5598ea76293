import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import type { StackFrame } from '../../domain/occurrence.js';

/** Two modules of an app and one of a package, as TypeScript; the line numbers are what tests name. */
const SOURCES: Readonly<Record<string, string>> = {
  'src/main.ts': `import { total } from './cart.js';
import { each } from 'tiny-each';

interface Item {
  price: number;
}

export function checkout(items: Item[]): number {
  let sum = 0;
  each(items, (item) => {
    sum += total(item);
  });
  return sum;
}

declare const start: (run: () => number) => void;
start(() => checkout([{ price: 3 }, { price: -1 }]));
`,
  'src/cart.ts': `/** What one item costs. */
export function total(item: { price: number }): number {
  const cost = item.price * 100;
  if (cost < 0) {
    throw new RangeError('a price below nothing: ' + String(cost));
  }
  return cost;
}
`,
  'node_modules/tiny-each/index.js': `export function each(items, visit) {
  for (const item of items) visit(item);
}
`,
};

interface Bundle {
  readonly code: string;
  /** The text of the map. */
  readonly map: string;
}

/** The sources above in one minified file with its map, as an app is deployed. */
export async function bundle(change: Readonly<Record<string, string>> = {}): Promise<Bundle> {
  const sources = { ...SOURCES, ...change };
  const result = await build({
    entryPoints: ['src/main.ts'],
    absWorkingDir: '/',
    bundle: true,
    minify: true,
    format: 'iife',
    sourcemap: 'external',
    outfile: '/out/app.js',
    write: false,
    plugins: [
      {
        name: 'from-memory',
        setup(esbuild) {
          esbuild.onResolve({ filter: /.*/ }, ({ path, resolveDir }) => {
            if (path === 'tiny-each') return { path: '/node_modules/tiny-each/index.js' };
            const name = path.replace(/^\.\//, '').replace(/\.js$/, '.ts');
            return { path: name.startsWith('src/') ? `/${name}` : `${resolveDir}/${name}` };
          });
          esbuild.onLoad({ filter: /.*/ }, ({ path }) => ({
            contents: sources[path.slice(1)] ?? '',
            loader: path.endsWith('.ts') ? 'ts' : 'js',
            resolveDir: path.slice(0, path.lastIndexOf('/')),
          }));
        },
      },
    ],
  });
  const text = (ending: string) => result.outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? '';
  return { code: text('.js'), map: text('.map') };
}

/** Runs a bundle until it throws; the stack as Chrome and Node write it, crash first. */
export function crash({ code }: Pick<Bundle, 'code'>, url: string): readonly StackFrame[] {
  try {
    runInContext(code, createContext({ start: (run: () => number) => run() }), { filename: url });
  } catch (error) {
    const stack = String(Reflect.get(Object(error), 'stack'));
    return stack.split('\n').flatMap((line) => {
      const found = /^ +at (?:(.+) \()?(.+):(\d+):(\d+)\)?$/.exec(line);
      const [, name = '', file, row, column] = found ?? [];
      if (file !== url) return [];
      return [{ file, module: '', function: name, line: Number(row), column: Number(column), inApp: true }];
    });
  }
  throw new Error('the bundle threw nothing');
}
