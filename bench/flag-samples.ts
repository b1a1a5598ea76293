import type { Definitions, Flag, FlagCondition, FlagContext } from '../domain/flag.js';
import type { PeerFlag } from './flag-peers.js';

// What flags are measured with: 50 of two conditions and a percentage each, asked for by 1,000 people.

export const FLAGS = 50;
export const CONTEXTS = 1_000;

const COUNTRIES = ['AT', 'BR', 'CH', 'DE', 'ES', 'FR', 'GB', 'IT', 'JP', 'US'];
const PLANS = ['free', 'pro', 'team', 'enterprise'];
const DOMAINS = ['example.com', 'example.org', 'shop.example.net', 'mail.example.com'];

const cyclic = <T>(list: readonly T[], from: number, count: number): readonly T[] =>
  Array.from({ length: count }, (_, index) => list[(from + index) % list.length] as T);

export const condition = (attribute: string, operator: string, ...values: string[]): FlagCondition => ({
  attribute,
  operator,
  values,
});

/** Two conditions that every second or third context meets, of three kinds. */
function conditionsOf(index: number): readonly FlagCondition[] {
  const age = String(20 + (index % 40));
  if (index % 3 === 0)
    return [condition('country', 'in', ...cyclic(COUNTRIES, index, 6)), condition('age', 'gte', age)];
  if (index % 3 === 1)
    return [condition('plan', 'in', ...cyclic(PLANS, index, 3)), condition('email', 'ends_with', 'example.com')];
  return [condition('age', 'lt', age), condition('plan', 'in', ...cyclic(PLANS, index, 2))];
}

export const contexts: readonly FlagContext[] = Array.from({ length: CONTEXTS }, (_, index) => ({
  targetingKey: `user-${index}`,
  attributes: {
    country: COUNTRIES[index % COUNTRIES.length],
    plan: PLANS[(index >> 1) % PLANS.length],
    email: `user-${index}@${String(DOMAINS[(index >> 2) % DOMAINS.length])}`,
    age: 16 + ((index * 7) % 60),
    version: `2.${index % 30}.0`,
  },
}));

export const flagsWith = (percentage: number): readonly PeerFlag[] =>
  Array.from({ length: FLAGS }, (_, index) => ({ key: `flag-${index}`, conditions: conditionsOf(index), percentage }));

export const definitionsOf = (flags: readonly PeerFlag[]): Definitions => ({
  version: 1,
  segments: [],
  flags: flags.map(({ key, conditions, percentage }) => switchOf(key, [{ conditions, percentage }])),
});

export const switchOf = (key: string, rules: readonly Omit<PeerFlag, 'key'>[]): Flag => ({
  key,
  type: 'boolean',
  defaultValue: false,
  enabled: true,
  prerequisites: [],
  version: 1,
  rules: rules.map(({ conditions, percentage }, index) => ({
    ruleId: `rule-${index}`,
    priority: index,
    conditions,
    value: true,
    rolloutPercentage: percentage,
    experimentId: null,
  })),
});
