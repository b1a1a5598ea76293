const ATOMS = [
  ...['a', '1', ':', '1:', '@', '"', '(', ' (', ')', '{', 'at ', ',', '[', '^', '\t', '\u2028', '<', 'a.', 'A', '$'],
  ...['(eval at ', ' line 1 > eval', 'async ', '[cause]: ', '@"', '":', '\r', '/', '-', 'x:1:1)', '\ud800', "='", '::'],
];

const AROUND: readonly (readonly [before: string, after: string])[] = [
  ['', ''],
  ['at ', ':1:2'],
  ['at f (', ':1:2)'],
  ['at f (eval at ', ':1:2), <anonymous>:1:2)'],
  ['f@', ':1:2'],
  ['https://', ':1:2'],
  ['at ', ' {'],
];

/** Stacks as somebody would write them to keep a pattern busy: long lines, many lines, runs of whatever patterns try. */
export const HOSTILE_TEXTS: readonly string[] = [
  `at ${'a'.repeat(200_000)}`,
  `at ${'a:1'.repeat(200_000)}x`,
  'x'.repeat(10_000_000),
  '\n'.repeat(10_000_000),
  `Error: x\n${'    at f (https://h/a.js:1:2)\n'.repeat(100_000)}`,
  `f@https://h/a.js:${'9'.repeat(1000)}:1`,
  ...ATOMS.flatMap((atom) =>
    AROUND.map(([before, after]) => {
      const line = `${before}${atom.repeat(Math.floor(1000 / atom.length))}${after}`;
      return Array.from({ length: 260 }, () => line).join('\n');
    }),
  ),
];
