import type { Flag, FlagRule } from '../../domain/flag.js';

/** A switch that is off for everybody whom no rule names. */
export const flagOf = (fields: Partial<Flag> = {}): Flag => ({
  key: 'new-checkout',
  type: 'boolean',
  defaultValue: false,
  enabled: true,
  rules: [],
  prerequisites: [],
  version: 1,
  ...fields,
});

/** On, for everybody. */
export const ruleOf = (fields: Partial<FlagRule> = {}): FlagRule => ({
  ruleId: 'rule-1',
  priority: 1,
  conditions: [],
  value: true,
  rolloutPercentage: 100,
  experimentId: null,
  ...fields,
});
