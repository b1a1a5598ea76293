import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { CheckName } from './plants.js';

export interface Finding {
  readonly file: string;
  readonly rule: string;
  /** The export or package that knip names. */
  readonly symbol?: string;
}

/** The output of `npm run check`, by check; only failed checks have one. Colours, which some tools add in CI, are left out. */
export function sections(output: string): ReadonlyMap<string, string> {
  const [, ...parts] = stripVTControlCharacters(output)
    .replace(/\n\d+ failed in .*\n$/, '')
    .split(/^--- ([a-z-]+) ---$/m);
  return new Map(parts.flatMap((name, at) => (at % 2 === 0 ? [[name, parts[at + 1] ?? ''] as const] : [])));
}

const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(({ groups }) => groups ?? {});

/** ESLint: the file on a line of its own, its findings indented below. */
function lint(text: string, root: string): Finding[] {
  let file = '';
  return text.split('\n').flatMap((line) => {
    if (line.startsWith('/')) file = relative(root, line.trim());
    if (!/^\s+\d+:\d+\s/.test(line)) return [];
    const unusedDisable = line.includes('Unused eslint-disable directive');
    return [
      {
        file,
        rule: unusedDisable
          ? 'unused-disable'
          : (line
              .trim()
              .split(/\s{2,}/)
              .at(-1) ?? ''),
      },
    ];
  });
}

/** knip: a title with the number of findings, then a line for each. */
function deadCode(text: string): Finding[] {
  let rule = '';
  return text.split('\n').flatMap((line) => {
    const title = /^(?<title>[A-Z][A-Za-z ]+) \(\d+\)$/.exec(line.trim())?.groups?.['title'];
    if (title !== undefined) rule = title;
    if (title !== undefined || line.trim() === '' || rule === 'Configuration hints') return [];
    const words = line.trim().split(/\s+/);
    const file = (words.at(-1) ?? '').replace(/:\d+:\d+$/, '');
    return [words.length === 1 ? { file, rule } : { file, rule, symbol: words[0] ?? '' }];
  });
}

const PARSERS: Readonly<Record<CheckName, (text: string, root: string) => Finding[]>> = {
  lint,
  'dead-code': deadCode,
  types: (text) => compiler(text),
  domain: (text) => compiler(text),
  layers: (text) =>
    matches(text, /^\s*error (?<rule>[a-z-]+): (?<file>\S+)/gm).map(({ rule = '', file = '' }) => ({ file, rule })),
  format: (text) => matches(text, /^\[\w+\] (?<file>\S+)$/gm).map(({ file = '' }) => ({ file, rule: 'format' })),
  generated: (text) =>
    matches(text, /^(?<file>\S+): (?<rule>[a-z ]+);/gm).map(({ file = '', rule = '' }) => ({ file, rule })),
};

function compiler(text: string): Finding[] {
  return matches(text, /^(?<file>\S+)\(\d+,\d+\): error (?<rule>TS\d+)/gm).map(({ rule = '', file = '' }) => ({
    file,
    rule,
  }));
}

export function findings(name: CheckName, text: string, root: string): Finding[] {
  return PARSERS[name](text, root);
}
