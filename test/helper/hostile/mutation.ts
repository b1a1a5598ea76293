import type { Random } from '../random.js';
import { type Encoding, ENCODINGS, type Format, type HostileBody, type Target, shapeOf } from './body.js';
import { EACH, type Grown, isGrown, isList, placesIn, type Puts, type Shape } from './shape.js';

/** What scanners, parsers and patterns begin at, turn back from, or escape. */
const TOKENS: readonly string[] = [
  ...[
    'token:',
    'token=',
    'password',
    '"password":"',
    'secret=a ',
    'Bearer ',
    'Authorization: ',
    'eyJ',
    'eyJa.',
    'eyJ.eyJ.',
  ],
  ...[
    '-----BEGIN',
    '-----BEGIN A KEY-----',
    '://',
    'http://',
    'https://a:b@',
    '@',
    'a@',
    'a@b.',
    'a.',
    'a@b.c',
    '4111 ',
    '1',
  ],
  ...[
    '1.',
    '1.1.1.1',
    ':',
    '::',
    '0:',
    '0x',
    '-',
    '--',
    '=',
    '&',
    '?',
    '?a=',
    '#',
    '/',
    '../',
    '\\',
    '\\"',
    '"',
    "'",
    '`',
    ' ',
  ],
  ...[
    '  a',
    '\t',
    '\n',
    '\r\n',
    '\n\n',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '{{',
    '<',
    '>',
    ',',
    ';',
    '*',
    '+',
    '|',
    '^',
    '$',
    '%',
    '%41',
  ],
  ...[
    '\0',
    '\u2028',
    '\ud800',
    '\udc00',
    '\ud83d\ude00',
    '\u00e4',
    '\u0130',
    '\ufeff',
    '\u200b',
    'a',
    'A',
    'aA',
    'a1',
    'é',
  ],
  ...[
    'at a (b:1:1)\n',
    '    at a (b:1:1)\n',
    'a@b:1:1\n',
    'at ',
    '(eval at ',
    'async ',
    '[cause]: ',
    ' line 1 > eval',
    'Caused by: ',
  ],
  ...[
    'sk_live_a',
    'AKIA',
    'ghp_',
    'xox',
    'AIza',
    'exp_',
    'exm_',
    'cust-1',
    'aab',
    'null',
    'true',
    '1e',
    '1-',
    '1.2.3-',
    '1.2.3-a.',
  ],
  ...[
    'AAAA,',
    'AAAA;',
    'A',
    'gggggggB,',
    `${EACH} `,
    `k${EACH}`,
    `https://a/${EACH}\n`,
    `at f${EACH} (a.js:${EACH}:1)\n`,
  ],
  ...[`token: ${EACH} `, 'a b ', '-a', '_a', '.a', 'a:b:', 'key="', 'id_token=a&', 'set-cookie: a=b; ', '0'.repeat(16)],
];

const SIZES = [100, 1_000, 8_000, 30_000, 120_000, 500_000, 2_000_000, 8_000_000];

/** A body that differs a little, or wholly, from those that cost most so far. */
export function mutated(target: Target, parents: readonly HostileBody[], random: Random): HostileBody {
  const parent = parents.length > 0 && random.chance(0.6) ? random.pick(parents) : undefined;
  const format: Format = parent !== undefined && random.chance(0.9) ? parent.format : random.pick(target.formats);
  const encoding: Encoding =
    format === 'query'
      ? 'identity'
      : parent !== undefined && random.chance(0.9)
        ? parent.encoding
        : random.pick(ENCODINGS);
  const puts = changed(target, parent?.puts ?? {}, random);
  return fitted(target, { route: target.route, format, encoding, puts });
}

function changed(target: Target, puts: Puts, random: Random): Puts {
  const paths = Object.keys(puts);
  if (paths.length > 0 && random.chance(0.7)) {
    const path = random.pick(paths);
    if (paths.length > 1 && random.chance(0.15))
      return Object.fromEntries(Object.entries(puts).filter(([each]) => each !== path));
    return { ...puts, [path]: varied(puts[path] ?? null, random) };
  }
  const places = placesIn(target.seed);
  const { path, shape } = random.pick(places);
  if (random.chance(0.08))
    return { ...puts, [`${path}/${random.pick(['__proto__', 'constructor', 'toString', 'a'])}`]: fresh(shape, random) };
  return { ...puts, [path]: fresh(shape, random) };
}

/** Something new in the place of `shape`, mostly of its kind. */
function fresh(shape: Shape, random: Random): Shape {
  const times = random.pick(SIZES);
  const inner = (): Shape => (random.chance(0.5) ? small(random) : shape);
  const isText = typeof shape === 'string' && random.chance(0.85);
  if (isText) return textOf(random);
  if (isList(shape) && random.chance(0.7))
    return random.chance(0.6) ? { grown: 'same', times } : { grown: 'list', item: inner(), times };
  const kinds: readonly (() => Grown)[] = [
    () => textOf(random),
    () => ({ grown: 'list', item: inner(), times }),
    () => ({ grown: 'keys', key: random.pick(TOKENS).replaceAll(EACH, ''), item: inner(), times }),
    () => ({ grown: 'keys', key: random.pick(['k', '$', 'password', 'a.']), item: small(random), times }),
    () => ({ grown: 'depth', in: random.pick(['lists', 'objects']), times }),
    () => ({ grown: 'digits', times }),
    () => ({ grown: 'same', times }),
  ];
  return random.pick(kinds)();
}

const textOf = (random: Random): Grown & { grown: 'text' } => ({
  grown: 'text',
  text: random.chance(0.6) ? random.pick(TOKENS) : random.pick(TOKENS) + random.pick(TOKENS),
  times: random.pick(SIZES),
  before: random.chance(0.25) ? random.pick(TOKENS) : '',
  after: random.chance(0.25) ? random.pick(TOKENS) : '',
});

/** What stands in a list of many. */
function small(random: Random): Shape {
  const few: readonly Shape[] = [null, 1, '', {}, [], 'a', random.pick(TOKENS), [[]], { a: {} }, { a: 1 }, 1.5e300];
  if (random.chance(0.7)) return random.pick(few);
  return { ...textOf(random), times: random.pick([4, 64, 1_000, 16_000]) };
}

function varied(put: Shape, random: Random): Shape {
  if (!isGrown(put)) return fresh(put, random);
  if (random.chance(0.4))
    return { ...put, times: Math.max(1, Math.round(put.times * random.pick([0.1, 0.5, 0.8, 1.3, 2, 4, 10]))) };
  if (put.grown === 'text') {
    const token = random.pick(TOKENS);
    return random.pick([
      { ...put, text: token },
      { ...put, text: put.text + token },
      { ...put, text: token + put.text },
      { ...put, before: token },
      { ...put, after: token },
      { ...put, text: put.text.slice(1) || token },
      { grown: 'list', item: { ...put, times: random.pick([4, 64, 1_000]) }, times: random.pick(SIZES) } as const,
    ]);
  }
  if (put.grown === 'list' || put.grown === 'keys') {
    const item = random.chance(0.5) ? varied(put.item, random) : small(random);
    return random.chance(0.8) ? { ...put, item } : { grown: 'list', item: put, times: random.pick([2, 30, 1_000]) };
  }
  return fresh(put, random);
}

const MOST_TRIES = 200;

/** With as much of it as the route takes. */
function fitted(target: Target, body: HostileBody): HostileBody {
  let at = body;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const bytes = sizeOf(shapeOf(target, at));
    // A form is written in base64, and a URL in up to three bytes a character.
    const most = (target.inflatedBytes * 0.98) / (at.format === 'form' ? 1.4 : at.format === 'query' ? 3 : 1);
    if (bytes <= most) {
      const isSmall = bytes <= target.sentBytes || at.encoding !== 'identity';
      return isSmall ? at : { ...at, encoding: 'gzip' };
    }
    const share = Math.min(0.97, most / bytes);
    at = { ...at, puts: Object.fromEntries(Object.entries(at.puts).map(([path, put]) => [path, shrunk(put, share)])) };
  }
  return { ...body, puts: {} };
}

function shrunk(put: Shape, share: number): Shape {
  if (!isGrown(put)) return put;
  const times = Math.max(1, Math.floor(put.times * share));
  // What is repeated gives way first; only when that is once is there less of what is in it.
  if (put.times <= 1 && (put.grown === 'list' || put.grown === 'keys'))
    return { ...put, item: shrunk(put.item, share) };
  return { ...put, times };
}

/** About how many bytes it has as JSON, without writing it. */
function sizeOf(shape: Shape): number {
  if (shape === null || typeof shape !== 'object') return textSize(JSON.stringify(shape));
  if (isList(shape)) return 2 + shape.reduce<number>((sum, item) => sum + 1 + sizeOf(item), 0);
  if (!isGrown(shape))
    return 2 + Object.entries(shape).reduce((sum, [key, item]) => sum + textSize(key) + 4 + sizeOf(item), 0);
  const { times } = shape;
  switch (shape.grown) {
    case 'text':
      return 2 + times * each(shape.text) + textSize(JSON.stringify(shape.before + shape.after));
    case 'list':
      return 2 + times * (1 + sizeOf(shape.item));
    case 'keys':
      return 2 + times * (9 + each(shape.key) + sizeOf(shape.item));
    case 'depth':
      return times * (shape.in === 'lists' ? 2 : 6);
    default:
      return times;
  }
}

const textSize = (text: string): number => Buffer.byteLength(text);
const each = (text: string): number => textSize(JSON.stringify(text)) - 2 + (text.includes(EACH) ? 5 : 0);
