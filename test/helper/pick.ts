import assert from 'node:assert/strict';

/** What stands at a path in parsed JSON; fails where the path leads nowhere. */
export function pick(json: unknown, ...path: readonly (string | number)[]): unknown {
  let it = json;
  for (const step of path) {
    assert.ok(typeof it === 'object' && it !== null, `nothing at ${path.join('.')} in ${JSON.stringify(json)}`);
    it = Reflect.get(it, step);
  }
  return it;
}

/** The same where a text must stand. */
export function pickText(json: unknown, ...path: readonly (string | number)[]): string {
  const it = pick(json, ...path);
  assert.ok(typeof it === 'string', `no text at ${path.join('.')} in ${JSON.stringify(json)}`);
  return it;
}

/** The same where a list must stand. */
export function pickList(json: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const it: unknown = pick(json, ...path);
  assert.ok(Array.isArray(it), `no list at ${path.join('.')} in ${JSON.stringify(json)}`);
  return it;
}
