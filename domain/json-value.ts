/** Deeper values are refused: whoever walks one may then do so by recursion. */
const LEVELS = 40;

const LONE_SURROGATE = /\p{Surrogate}/u;

/** Why a value, parsed from JSON, would not come back from the store as it is, and where; undefined where it would. */
export function jsonFault(value: unknown): { readonly path: string; readonly why: string } | undefined {
  const steps: string[] = [];
  const why = faultIn(value, steps);
  return why === undefined ? undefined : { path: steps.map((step) => `/${pointerStep(step)}`).join(''), why };
}

/** One step of a JSON pointer. */
export const pointerStep = (key: string): string => key.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');

/** Leaves the way to the fault in `steps`. */
function faultIn(value: unknown, steps: string[]): string | undefined {
  if (typeof value === 'string') return LONE_SURROGATE.test(value) ? 'is no well-formed text' : undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'is too large a number';
  if (typeof value !== 'object' || value === null) return undefined;
  if (steps.length === LEVELS) return 'is nested too deep';
  const own = Array.isArray(value) ? undefined : keysFault(value);
  if (own !== undefined) return own;
  for (const [key, inner] of Object.entries(value)) {
    steps.push(key);
    const fault = faultIn(inner, steps);
    if (fault !== undefined) return fault;
    steps.pop();
  }
  return undefined;
}

/** What BSON cannot hold, and what the driver takes for types of its own. */
function keysFault(value: object): string | undefined {
  for (const key of Object.keys(value)) {
    if (key.includes('\0')) return 'has a name with a NUL';
    if (LONE_SURROGATE.test(key)) return 'has a name that is no well-formed text';
    if (key === '_bsontype') return 'has the name "_bsontype", which the store keeps for itself';
  }
  const isReference = Object.hasOwn(value, '$ref') && Object.hasOwn(value, '$id');
  return isReference ? 'has both "$ref" and "$id", which the store takes for a reference' : undefined;
}
