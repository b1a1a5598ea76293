import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import ts from 'typescript';

/**
 * Takes the types out of what `tsconfig.build.json` names, file by file: `isolatedModules` allows it, and it takes a
 * quarter of the time that the whole compiler needs. Checking types is the business of `npm run check`.
 * @param {string} root
 * @param {string} outDir
 */
export function transpile(root, outDir) {
  const { config, error } = ts.readConfigFile(join(root, 'tsconfig.build.json'), ts.sys.readFile);
  const { options, errors, fileNames } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const [problem] = error === undefined ? errors : [error];
  if (problem !== undefined) throw new Error(ts.flattenDiagnosticMessageText(problem.messageText, '\n'));
  // One file alone does not show that the package is of ES modules, so it is said here.
  const compilerOptions = { ...options, module: ts.ModuleKind.ESNext };

  for (const file of fileNames.filter((name) => !name.endsWith('.d.ts'))) {
    const target = join(outDir, relative(root, file)).replace(/\.ts$/, '.js');
    mkdirSync(dirname(target), { recursive: true });
    if (file.endsWith('.js')) {
      copyFileSync(file, target);
      continue;
    }
    const { outputText, sourceMapText } = ts.transpileModule(readFileSync(file, 'utf8'), {
      fileName: file,
      compilerOptions,
      reportDiagnostics: false,
    });
    writeFileSync(target, outputText);
    if (sourceMapText !== undefined)
      writeFileSync(`${target}.map`, withSource(sourceMapText, relative(dirname(target), file)));
  }
}

/**
 * A source map that finds its source from where it is; a single file only knows its own name.
 * @param {string} sourceMap
 * @param {string} source
 */
function withSource(sourceMap, source) {
  return JSON.stringify({
    ...JSON.parse(sourceMap),
    sources: [source],
    file: basename(source).replace(/\.ts$/, '.js'),
  });
}
