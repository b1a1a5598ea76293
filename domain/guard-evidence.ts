/**
 * The guard's test: how strongly the counts speak for harm, at any moment, however often one looks.
 *
 * **What is random.** A profile's bucket: a hash, uniform over 1 to 100 and independent of everything else there is to
 * know of the profile. If the value has no effect, whether and when a profile meets a metric is settled without its
 * bucket (Fisher's sharp null). So when a profile meets the metric for the first time in a window, its bucket is a coin
 * nobody has looked at: it lies within the percentage with a known probability, the share. That holds for any number
 * of error-prone profiles, at any hour, with people coming and going: nothing is assumed about rates at all.
 *
 * **A profile in several windows.** What its earlier hits told of its bucket is taken into account: one that was hit
 * as control at 5 % has a bucket above 5, and is exposed at 25 % with probability (25 - 5) / (100 - 5); one that was
 * hit as exposed at 5 % is exposed at 25 % for certain, and counts no more.
 *
 * **The test martingale.** For a relative risk r, a hit with share s is exposed with probability r s / (1 + (r - 1) s).
 * The likelihood ratio against r = 1 is multiplied over all hits, and averaged over a few r. Under the null each
 * factor has mean 1 given the past (at most 1 where the value does good), so the whole is a nonnegative
 * supermartingale that starts at 1, and by Ville's inequality it ever reaches 1 / alpha with probability at most alpha
 * (Ville 1939; Shafer et al. 2011; Gruenwald, de Heide, Koolen 2024, "Safe testing"). It is the safe test of a rate
 * ratio conditional on the events, as in Gruenwald, Ly, Perez-Ortiz, ter Schure 2021, "The safe logrank test", with
 * the randomisation in the place of the risk set. It depends on counts alone: hits may arrive late, in any order, and
 * every look computes it anew.
 */

/** Hits of which it was known beforehand with what probability each is an exposed one. */
export interface Stratum {
  readonly share: number;
  readonly exposed: number;
  readonly control: number;
}

/** How many profiles of this bucket met a metric in these windows: whole numbers from 0, rising. */
export interface HitPattern {
  readonly bucket: number;
  readonly windows: readonly number[];
  readonly count: number;
}

/** The relative risks that are tried; harm of other sizes is found by the nearest. */
const RISKS = [1.25, 1.5, 2, 3, 5, 10] as const;

/** Sorts hits by what was known of their buckets. */
export function strataOf(patterns: readonly HitPattern[], percents: readonly number[]): Stratum[] {
  const strata = new Map<number, { share: number; exposed: number; control: number }>();
  for (const { bucket, windows, count } of patterns) {
    // The bucket is known to be above `low` and at most `high`.
    let low = 0;
    let high = 100;
    for (const window of windows) {
      const percent = percents[window] ?? 0;
      if (percent <= low || percent >= high) continue;
      const share = (percent - low) / (high - low);
      const stratum = strata.get(share) ?? { share, exposed: 0, control: 0 };
      strata.set(share, stratum);
      if (bucket <= percent) {
        stratum.exposed += count;
        high = percent;
      } else {
        stratum.control += count;
        low = percent;
      }
    }
  }
  return [...strata.values()];
}

/** The e-value: at most 1 on average where there is no harm. */
export function evidenceOf(strata: readonly Stratum[], harm: 'more' | 'fewer'): number {
  let evidence = 0;
  for (const risk of RISKS) {
    const r = harm === 'more' ? risk : 1 / risk;
    let log = 0;
    for (const { share, exposed, control } of strata)
      log += exposed * Math.log(r) - (exposed + control) * Math.log1p((r - 1) * share);
    evidence += Math.exp(Math.min(700, log)) / RISKS.length;
  }
  return evidence;
}

/**
 * How strongly `exposed` of `all` speak against this share, in either direction: the likelihood under a uniformly
 * drawn share against the one under this. Also an e-value, so it may be looked at at any time.
 */
export function ratioEvidence(exposed: number, all: number, share: number): number {
  const control = all - exposed;
  const any = logFactorial(exposed) + logFactorial(control) - logFactorial(all + 1);
  return Math.exp(Math.min(700, any - exposed * Math.log(share) - control * Math.log1p(-share)));
}

/** Stirling's series; exact to many digits from 10 on. */
function logFactorial(n: number): number {
  if (n < 10) {
    let log = 0;
    for (let i = 2; i <= n; i++) log += Math.log(i);
    return log;
  }
  const x = n + 1;
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + 1 / (12 * x) - 1 / (360 * x ** 3);
}
