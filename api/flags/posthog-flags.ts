import type { Flag, Reason } from '../../domain/flag.js';
import type { StoredReason } from '../../domain/flag-set.js';
import { lookup, own } from '../../domain/loose.js';
import { murmur3 } from '../../domain/murmur.js';
import { utf8 } from '../../domain/utf8.js';
import type { Answer } from './answers.js';
import { STATIC } from './flag-texts.js';

interface PostHogFlag {
  readonly key: string;
  readonly enabled: boolean;
  readonly variant?: string;
  readonly reason: { readonly code: string; readonly description: string };
  readonly metadata: { readonly id: number; readonly version: number; readonly payload?: string };
}

const CODES: Readonly<Record<Reason, string>> = {
  STATIC: 'condition_match',
  TARGETING_MATCH: 'condition_match',
  SPLIT: 'condition_match',
  DEFAULT: 'no_condition_match',
  DISABLED: 'flag_disabled',
  ERROR: 'error',
};

/**
 * An answer as PostHog's libraries read it. Their flags are on or off, with a variant and a payload: a text is the
 * variant, a number or JSON value is the payload. A flag that cannot be evaluated is left out, and said to be.
 */
export function postHogFlags({ compiled, set }: Answer, wanted: ReadonlySet<string> | undefined) {
  const flags: Record<string, PostHogFlag> = {};
  let errorsWhileComputingFlags = false;
  for (const [key, flag] of compiled.flags) {
    if (!Object.hasOwn(set.flags, key) || wanted?.has(key) === false) continue;
    const reason = lookup(set.reasons, key) ?? STATIC;
    if (reason.reason === 'ERROR') errorsWhileComputingFlags = true;
    else own(flags, key, postHogFlag(flag, lookup(set.flags, key), reason));
  }
  return { flags, errorsWhileComputingFlags };
}

function postHogFlag({ key, type, version }: Flag, value: unknown, why: StoredReason): PostHogFlag {
  const { reason, ruleId } = why;
  const variant = typeof value === 'string' ? value : why.variant;
  const enabled = reason !== 'DISABLED' && value !== false && value !== null && value !== '';
  const hasPayload = type === 'number' || type === 'json';
  return {
    key,
    enabled,
    // Of a boolean flag the library tells on from off by there being none.
    ...(enabled && variant !== undefined && { variant }),
    reason: { code: CODES[reason], description: ruleId === undefined ? reason : `${reason} by rule ${ruleId}` },
    metadata: {
      id: murmur3(utf8(key)),
      version,
      ...(hasPayload && { payload: JSON.stringify(value ?? null) }),
    },
  };
}
