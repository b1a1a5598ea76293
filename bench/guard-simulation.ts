import type { Guard } from '../domain/guard.js';
import { type Population, simulateMany } from '../test/helper/guard-simulation.js';

// npm run bench:guard: how often a guard reverts rollouts that do no harm, and how often those that do, by traffic.

const ROLLOUTS = 1_000;
const GUARD: Guard = {
  metrics: [{ kind: 'errors' }, { kind: 'event', name: 'checkout_failed', harm: 'more' }],
  alpha: 0.05,
  minProfiles: 100,
};
const COMMON: Omit<Population, 'seed' | 'profiles' | 'rate' | 'risks'> = {
  percents: [1, 5, 25, 100],
  minutes: 20,
  swing: 0,
};
const TRAFFIC = [
  { profiles: 2_000, rate: 0.05 },
  { profiles: 4_000, rate: 0.03 },
  { profiles: 4_000, rate: 0.05 },
  { profiles: 10_000, rate: 0.02 },
  { profiles: 20_000, rate: 0.01 },
] as const;
const RISKS = [1, 1.5, 2, 3] as const;

const percent = (count: number): string => `${((count / ROLLOUTS) * 100).toFixed(1)} %`;

console.log(
  `${String(ROLLOUTS)} rollouts each, ${COMMON.percents.join(', ')} %, ${String(COMMON.minutes)} looks a step, ` +
    `${String(GUARD.metrics.length)} metrics, alpha ${String(GUARD.alpha)}; one profile in ten is six times as prone\n`,
);
console.log(
  '| profiles a step | met a metric | harmless, reverted | x 1.5, before 100 % | x 2, before 100 % | x 3, before 100 % |',
);
console.log('|---:|---:|---:|---:|---:|---:|');
for (const traffic of TRAFFIC) {
  const cells = RISKS.map((risk) => {
    const { reverted, beforeLast } = simulateMany(ROLLOUTS, GUARD, { ...COMMON, ...traffic, risks: [risk, 1] });
    return percent(risk === 1 ? reverted : beforeLast);
  });
  console.log(`| ${traffic.profiles.toLocaleString('en')} | ${String(traffic.rate * 100)} % | ${cells.join(' | ')} |`);
}
const evening = simulateMany(ROLLOUTS, GUARD, {
  ...COMMON,
  percents: [1, 5, 25, 50],
  profiles: 4_000,
  rate: 0.05,
  risks: [1, 1],
  swing: 0.8,
});
console.log(
  `\nharmless, ending at 50 %, while rates of everybody go up and down by 80 %: ${percent(evening.reverted)} reverted`,
);
