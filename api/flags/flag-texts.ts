import type { Flag } from '../../domain/flag.js';
import type { CompiledFlags } from '../../domain/flag-evaluation.js';
import type { StoredReason } from '../../domain/flag-set.js';
import type { FlagValue } from '../../proto/codec.js';

/** One of the few answers that a flag gives at one version, written down once. */
interface Written {
  readonly value: string;
  /** As OFREP has it, up to where the bucket belongs; whole where it is an error. */
  readonly evaluation: string;
  /** Among the reasons of a set, up to where the bucket belongs; empty where it is `STATIC`. */
  readonly reason: string;
  readonly message: FlagValue;
}

export interface FlagText {
  readonly key: string;
  readonly flag: Flag;
  /** `"key":` */
  readonly name: string;
  written(value: unknown, reason: StoredReason): Written;
}

export const STATIC: StoredReason = { reason: 'STATIC' };

const ofDefinitions = new WeakMap<CompiledFlags, readonly FlagText[]>();

/**
 * The pieces of answers of these definitions. Why a flag is as it is says which of its values it has, so an answer is
 * put together from texts that were written for another one before.
 */
export function flagTexts(compiled: CompiledFlags): readonly FlagText[] {
  const known = ofDefinitions.get(compiled);
  if (known !== undefined) return known;
  const texts = [...compiled.flags.values()].map(textOf);
  ofDefinitions.set(compiled, texts);
  return texts;
}

function textOf(flag: Flag): FlagText {
  const { key } = flag;
  const byRule = new Map<string | undefined, Map<string | undefined, Written>>();
  const others = new Map<string, Written>();
  const isTold = saysWhich(flag);
  return {
    key,
    flag,
    name: `${JSON.stringify(key)}:`,
    written(value, reason) {
      if (!isTold) return write(flag, value, reason);
      const { ruleId, variant } = reason;
      let known = ruleId === undefined ? others.get(reason.reason) : byRule.get(ruleId)?.get(variant);
      if (known !== undefined) return known;
      known = write(flag, value, reason);
      if (ruleId === undefined) others.set(reason.reason, known);
      else byRule.set(ruleId, (byRule.get(ruleId) ?? new Map<string | undefined, Written>()).set(variant, known));
      return known;
    },
  };
}

/** Nothing that is saved here has two rules or variants of one name, but what came into the database otherwise may. */
function saysWhich({ rules }: Flag): boolean {
  const isOnce = (names: readonly string[]): boolean => new Set(names).size === names.length;
  return isOnce(rules.map((each) => each.ruleId)) && rules.every((each) => isOnce((each.variants ?? []).map(nameOf)));
}

const nameOf = ({ key }: { readonly key: string }): string => key;

function write(flag: Flag, value: unknown, stored: StoredReason): Written {
  const { reason, ruleId, variant } = stored;
  const text = jsonOf(value);
  const rule = flag.rules.find((each) => each.ruleId === ruleId);
  const metadata = {
    version: flag.version,
    ...(ruleId !== undefined && { ruleId }),
    ...(typeof rule?.experimentId === 'string' && { experimentId: rule.experimentId }),
  };
  const more = { reason, ...(variant !== undefined && { variant }) };
  return {
    value: text,
    evaluation:
      reason === 'ERROR'
        ? `{"key":${JSON.stringify(flag.key)},"errorCode":"TARGETING_KEY_MISSING","errorDetails":"a percentage or variants decide, and there is no key to decide by"}`
        : `{"key":${JSON.stringify(flag.key)},"value":${text},${unbraced(more)},"metadata":{${unbraced(metadata)}`,
    reason:
      reason === 'STATIC'
        ? ''
        : `${JSON.stringify(flag.key)}:{${unbraced({ ...more, ...(ruleId !== undefined && { ruleId }) })}`,
    message: messageOf(flag, value, text),
  };
}

const unbraced = (value: object): string => JSON.stringify(value).slice(1, -1);

/** A value that was never stored is none. */
const jsonOf = (value: unknown): string => JSON.stringify(value ?? null);

/** By the type of the flag; a value that is of another one goes as JSON rather than as nothing. */
function messageOf({ type }: Flag, value: unknown, text: string): FlagValue {
  if (type === 'boolean' && typeof value === 'boolean') return { boolValue: value };
  if (type === 'string' && typeof value === 'string') return { stringValue: value };
  if (type === 'number' && typeof value === 'number') return { numberValue: value };
  return { jsonValue: text };
}
