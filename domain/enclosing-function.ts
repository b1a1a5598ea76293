/** How far back a function may begin, and how many braces are looked at: what lies further out stays unnamed. */
const WINDOW = 20_000;
const MOST_BRACES = 64;
/** Of the text before a brace: more than any sensible list of parameters. */
const HEAD = 300;

const BLOCKS = new Set(['if', 'for', 'while', 'switch', 'catch', 'with', 'await']);

/**
 * The name of the function that `offset` of a source text lies in, as well as can be told without parsing a language
 * that may be any: by braces and what stands before them. Undefined where it has no name or none is found.
 */
export function enclosingFunction(text: string, offset: number): string | undefined {
  let depth = 0;
  let looked = 0;
  for (let i = Math.min(offset, text.length) - 1; i >= Math.max(0, offset - WINDOW); i--) {
    const char = text.charCodeAt(i);
    if (char === 0x7d) depth++;
    else if (char === 0x7b && depth > 0) depth--;
    else if (char === 0x7b) {
      if (++looked > MOST_BRACES) return undefined;
      const name = headName(text.slice(Math.max(0, i - HEAD), i).trimEnd());
      if (name !== undefined) return name === '' ? undefined : name;
    }
  }
  return undefined;
}

/** The name of the function whose body follows, `''` where it has none, undefined where what follows is no body. */
function headName(head: string): string | undefined {
  if (head.endsWith('=>')) {
    const beforeParameters = withoutParameters(head.slice(0, -2).trimEnd());
    return beforeParameters === undefined ? '' : assignedTo(beforeParameters);
  }
  const end = head.lastIndexOf(')');
  if (end === -1 || !/^\s*(?::[^;{}=]*)?$/.test(head.slice(end + 1))) return undefined;
  const before = withoutParameters(head.slice(0, end + 1))?.replace(/<[^<>(){}]*>$/, '');
  if (before === undefined) return undefined;
  if (/(?:^|[^\w$.])function\s*\*?$/.test(before)) return assignedTo(before.replace(/function\s*\*?$/, '').trimEnd());
  const word = /[\w$#]+$/.exec(before)?.[0];
  if (word === undefined) return '';
  return BLOCKS.has(word) ? undefined : word;
}

/** What stands before `(a, b)`, `(a: A): B` or, of an arrow, `a`. */
function withoutParameters(head: string): string | undefined {
  const end = head.lastIndexOf(')');
  if (end === -1 || !/^\s*(?::[^;{}=]*)?$/.test(head.slice(end + 1))) {
    const single = /[\w$]+$/.exec(head);
    return single === null ? undefined : head.slice(0, single.index).trimEnd();
  }
  let depth = 0;
  for (let i = end; i >= 0; i--) {
    if (head[i] === ')') depth++;
    else if (head[i] === '(' && --depth === 0) return head.slice(0, i).trimEnd();
  }
  return undefined;
}

/** `name` of `const name = async`, of `name: Type =` and of `name:`. */
function assignedTo(before: string): string {
  const left = before.replace(/(?:^|[^\w$])async$/, '').trimEnd();
  if (left.endsWith(':')) return /([\w$]+)\s*:$/.exec(left)?.[1] ?? '';
  if (!left.endsWith('=')) return '';
  const target = left.slice(0, -1).replace(/:[^=;{}():]*$/, '');
  return /([\w$#]+)\s*$/.exec(target)?.[1] ?? '';
}
