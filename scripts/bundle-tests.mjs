import { readFileSync, symlinkSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * Makes JavaScript of test files and all that they import from here, what several import in files that they share.
 * Each test file is a process: one that has to transpile what it loads, module by module, takes up to two seconds of
 * CPU time before it begins.
 * @param {{ root: string, files: readonly string[], outDir: string }} options the files absolute; outDir a new folder, anywhere
 * @returns {Promise<Map<string, string>>} what to run for each file that is TypeScript
 */
export async function bundleTests({ root, files, outDir }) {
  const sources = files.filter((file) => file.endsWith('.ts'));
  if (sources.length === 0) return new Map();
  await build({
    absWorkingDir: root,
    entryPoints: sources,
    outbase: root,
    outdir: outDir,
    bundle: true,
    splitting: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: `node${process.versions.node}`,
    sourcemap: 'linked',
    // Temporal knows a workflow by the name of its function.
    keepNames: true,
    logLevel: 'warning',
    plugins: [asIfInPlace],
  });
  // So that packages are found from there as well.
  symlinkSync(join(root, 'node_modules'), join(outDir, 'node_modules'), 'dir');
  return new Map(sources.map((file) => [file, join(outDir, relative(root, file).replace(/\.ts$/, '.js'))]));
}

/** What a module says of where it is remains true of its source. @type {import('esbuild').Plugin} */
const asIfInPlace = {
  name: 'as if in place',
  setup({ onLoad }) {
    onLoad({ filter: /\.(ts|mjs|js)$/ }, ({ path }) => {
      if (path.includes(`${sep}node_modules${sep}`)) return undefined;
      const text = readFileSync(path, 'utf8');
      const contents = text
        .replaceAll('import.meta.dirname', JSON.stringify(dirname(path)))
        .replaceAll('import.meta.filename', JSON.stringify(path))
        .replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href));
      return contents === text ? undefined : { contents, loader: path.endsWith('.ts') ? 'ts' : 'js' };
    });
  },
};
