import { murmurEnd, murmurNext, murmurStart, type MurmurState } from './murmur.js';
import { utf8 } from './utf8.js';

// Unleash's published rule, so that its vectors hold for ours. Other seeds than these would deal everybody out anew.
const ROLLOUT_SEED = 0;
/** Another one, so that which variant somebody has does not depend on when the rollout took him in. */
const VARIANT_SEED = 86_028_157;

/** Where one flag puts people. */
export interface Buckets {
  /** 1 to 100: a rollout of at least that many percent takes in whoever has this key. */
  bucketOf(key: Uint8Array): number;
  /** 1 to `totalWeight`. */
  placeOf(key: Uint8Array, totalWeight: number): number;
}

/** With the flag's part of the hash done beforehand; keys are the UTF-8 of targeting keys. */
export function bucketsOf(flagKey: string): Buckets {
  const prefix = utf8(`${flagKey}:`);
  const rollout: MurmurState = murmurNext(murmurStart(ROLLOUT_SEED), prefix);
  const variant: MurmurState = murmurNext(murmurStart(VARIANT_SEED), prefix);
  return {
    bucketOf: (key) => (murmurEnd(rollout, key) % 100) + 1,
    placeOf: (key, totalWeight) => (murmurEnd(variant, key) % totalWeight) + 1,
  };
}

export const bucketOf = (flagKey: string, targetingKey: string): number =>
  bucketsOf(flagKey).bucketOf(utf8(targetingKey));

/** The first whose cumulative weight reaches the place; undefined where there is no weight at all. */
export function variantAt<T extends { readonly weight: number }>(variants: readonly T[], place: number): T | undefined {
  let reached = 0;
  for (const variant of variants) {
    reached += variant.weight;
    if (place <= reached) return variant;
  }
  return undefined;
}

/** The variant of this flag that a targeting key has. */
export function variantOf<T extends { readonly weight: number }>(
  flagKey: string,
  targetingKey: string,
  variants: readonly T[],
): T | undefined {
  const total = variants.reduce((sum, { weight }) => sum + weight, 0);
  return total > 0 ? variantAt(variants, bucketsOf(flagKey).placeOf(utf8(targetingKey), total)) : undefined;
}
