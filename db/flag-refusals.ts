import { type ErrorCode, PlatformError } from '../domain/errors.js';
import type { FlagFault } from '../domain/flag-check.js';

const SHOWN = 5;

/** @throws with that code, where there are any. */
export function mustHaveNone(
  faults: readonly FlagFault[],
  code: Extract<ErrorCode, 'REQUEST_INVALID' | 'CONFLICT'> = 'REQUEST_INVALID',
): void {
  if (faults.length === 0) return;
  const shown = faults.slice(0, SHOWN).map(({ path, why }) => `${path === '' ? 'it' : path}: ${why}`.slice(0, 400));
  const more = faults.length > SHOWN ? `; and ${String(faults.length - SHOWN)} more` : '';
  throw new PlatformError(code, shown.join('; ') + more);
}

/** @throws PRECONDITION_FAILED where it is another one. */
export function mustBeVersion(version: number, ifVersion: number | undefined): void {
  if (ifVersion === undefined || ifVersion === version) return;
  throw new PlatformError('PRECONDITION_FAILED', `it is at version ${String(version)}, not ${String(ifVersion)}`);
}

/** The first of many, for people. */
export const some = (keys: readonly string[]): string =>
  keys.length <= 5 ? keys.join(', ') : `${keys.slice(0, 5).join(', ')} and ${String(keys.length - 5)} more`;
