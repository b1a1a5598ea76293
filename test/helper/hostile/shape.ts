/** JSON as it stands in a seed, and what is grown in it: written as how often something is repeated, so it is short. */
export type Shape = null | boolean | number | string | readonly Shape[] | { readonly [key: string]: Shape } | Grown;

export type Grown =
  /** One text: `text` so many times, between `before` and `after`. */
  | {
      readonly grown: 'text';
      readonly text: string;
      readonly times: number;
      readonly before: string;
      readonly after: string;
    }
  | { readonly grown: 'list'; readonly item: Shape; readonly times: number }
  /** An object with so many keys: `key` and a number. */
  | { readonly grown: 'keys'; readonly key: string; readonly item: Shape; readonly times: number }
  /** Brackets in brackets, or objects in objects. */
  | { readonly grown: 'depth'; readonly in: 'lists' | 'objects'; readonly times: number }
  /** One number with so many digits. */
  | { readonly grown: 'digits'; readonly times: number }
  /** What stands in the seed here, in a list, so many times. */
  | { readonly grown: 'same'; readonly times: number };

/** Wherever it stands in a repeated thing there is the number of the repetition, so that no two are the same. */
export const EACH = '§';

export const isGrown = (shape: Shape): shape is Grown =>
  typeof shape === 'object' && shape !== null && 'grown' in shape && typeof shape.grown === 'string';

export const isList = (shape: Shape): shape is readonly Shape[] => Array.isArray(shape);

export const textOf = ({ before, text, times, after }: Grown & { grown: 'text' }): string =>
  before + repeated(text, times) + after;

/** `text` so many times, each with its number where it has a place for it. */
export function repeated(text: string, times: number, between = ''): string {
  if (!text.includes(EACH)) return (text + between).repeat(Math.max(0, times - 1)) + (times > 0 ? text : '');
  return Array.from({ length: times }, (_, index) => text.replaceAll(EACH, String(index))).join(between);
}

export const entriesOf = (shape: { readonly [key: string]: Shape }): [string, Shape][] => Object.entries(shape);

/** As JSON text, written without making the values, which may be millions or too deep to be printed. */
export function jsonOf(shape: Shape): string {
  if (shape === null || typeof shape !== 'object') return JSON.stringify(shape);
  if (isList(shape)) return `[${shape.map(jsonOf).join(',')}]`;
  if (!isGrown(shape))
    return `{${entriesOf(shape)
      .map(([key, item]) => `${JSON.stringify(key)}:${jsonOf(item)}`)
      .join(',')}}`;
  const { times } = shape;
  switch (shape.grown) {
    case 'text':
      return JSON.stringify(textOf(shape));
    case 'list':
      return `[${repeated(jsonOf(shape.item), times, ',')}]`;
    case 'keys':
      return `{${repeated(`${JSON.stringify(`${shape.key}${EACH}`)}:${jsonOf(shape.item)}`, times, ',')}}`;
    case 'depth':
      return shape.in === 'lists'
        ? '['.repeat(times) + ']'.repeat(times)
        : `${'{"a":'.repeat(times)}1${'}'.repeat(times)}`;
    case 'digits':
      return '9'.repeat(Math.max(1, times));
    case 'same':
      // In its place it has become a list; elsewhere there is nothing to repeat.
      return 'null';
  }
}

/** What is put into a seed, by the path where it goes: `/errors/0/stackTrace`. */
export type Puts = Readonly<Record<string, Shape>>;

export const stepsOf = (path: string): string[] => path.split('/').slice(1);

/** The seed with all that is put into it; what is deeper goes first, so that it is repeated with what holds it. */
export function withPuts(seed: Shape, puts: Puts): Shape {
  const deepestFirst = Object.entries(puts).sort(([a], [b]) => stepsOf(b).length - stepsOf(a).length);
  return deepestFirst.reduce((shape, [path, put]) => withPut(shape, stepsOf(path), put), seed);
}

function withPut(shape: Shape, [step, ...rest]: readonly string[], put: Shape): Shape {
  if (step === undefined) {
    if (!isGrown(put) || put.grown !== 'same') return put;
    return { grown: 'list', item: (isList(shape) ? shape[0] : shape) ?? null, times: put.times };
  }
  if (isList(shape)) return shape.map((item, index) => (String(index) === step ? withPut(item, rest, put) : item));
  if (typeof shape !== 'object' || shape === null || isGrown(shape)) return shape;
  // Entries, since a key may be called `__proto__`.
  const entries = entriesOf(shape);
  const known = entries.some(([key]) => key === step);
  const all = known ? entries : [...entries, [step, null] as [string, Shape]];
  return Object.fromEntries(all.map(([key, item]) => [key, key === step ? withPut(item, rest, put) : item]));
}

/** Every place in a seed, and what stands there. */
export function placesIn(shape: Shape, path = ''): { readonly path: string; readonly shape: Shape }[] {
  const inner: readonly (readonly [string, Shape])[] = isList(shape)
    ? shape.map((item, index) => [String(index), item] as const)
    : typeof shape === 'object' && shape !== null && !isGrown(shape)
      ? entriesOf(shape)
      : [];
  return [{ path, shape }, ...inner.flatMap(([step, item]) => placesIn(item, `${path}/${step}`))];
}
