import { createRequire } from 'node:module';
import { type FeatureDefinitions, GrowthBookClient } from '@growthbook/growthbook';
import { FlagdCore } from '@openfeature/flagd-core';
import type { FlagCondition, FlagContext, FlagRule } from '../domain/flag.js';

/** A switch with one rule, as all of them can have it. */
export interface PeerFlag {
  readonly key: string;
  readonly conditions: readonly FlagCondition[];
  readonly percentage: FlagRule['rolloutPercentage'];
}

export interface Peer {
  readonly name: string;
  /** What its own API wants of a context, made beforehand: how contexts are made is not measured. */
  prepare(context: FlagContext): unknown;
  isOn(key: string, prepared: unknown): boolean;
}

type Terms<T> = Readonly<Record<string, (attribute: string, values: readonly string[]) => T>>;

function translated<T>({ attribute, operator, values }: FlagCondition, terms: Terms<T>): T {
  const term = terms[operator];
  if (term === undefined) throw new Error(`the comparison has no ${operator}`);
  return term(attribute, values);
}

export function growthbook(flags: readonly PeerFlag[]): Peer {
  const terms: Terms<object> = {
    in: (attribute, values) => ({ [attribute]: { $in: values } }),
    ends_with: (attribute, values) => ({ [attribute]: { $regex: `${(values[0] ?? '').replaceAll('.', '\\.')}$` } }),
    gte: (attribute, values) => ({ [attribute]: { $gte: Number(values[0]) } }),
    lt: (attribute, values) => ({ [attribute]: { $lt: Number(values[0]) } }),
  };
  const features = Object.fromEntries(
    flags.map(({ key, conditions, percentage }) => [
      key,
      {
        defaultValue: false,
        rules: [
          {
            condition: Object.assign({}, ...conditions.map((condition) => translated(condition, terms))) as object,
            force: true,
            ...(percentage < 100 && { coverage: percentage / 100, hashAttribute: 'id', hashVersion: 2 }),
          },
        ],
      },
    ]),
  ) as FeatureDefinitions;
  const client = new GrowthBookClient().initSync({ payload: { features } });
  return {
    name: '@growthbook/growthbook',
    prepare: ({ targetingKey, attributes }) => ({ attributes: { ...attributes, id: targetingKey } }),
    isOn: (key, prepared) => client.evalFeature(key, prepared as never).on,
  };
}

interface UnleashEngine {
  isEnabled(name: string, context: unknown, fallback: () => boolean): boolean;
}

interface UnleashConstraint {
  readonly contextName: string;
  readonly operator: string;
  readonly values: readonly string[];
  readonly value?: string;
}

/** For its client, and for its server. */
export function unleashConstraints({ conditions }: Pick<PeerFlag, 'conditions'>): readonly UnleashConstraint[] {
  const constraint =
    (operator: string) =>
    (contextName: string, [value = '', ...more]: readonly string[]): UnleashConstraint =>
      operator.startsWith('NUM_')
        ? { contextName, operator, value, values: [] }
        : { contextName, operator, values: [value, ...more] };
  const terms: Terms<UnleashConstraint> = {
    in: constraint('IN'),
    ends_with: constraint('STR_ENDS_WITH'),
    gte: constraint('NUM_GTE'),
    lt: constraint('NUM_LT'),
  };
  return conditions.map((condition) => translated(condition, terms));
}

export function unleash(flags: readonly PeerFlag[]): Peer {
  // The engine alone, without the fetching and the metrics around it: what counts is evaluation.
  const require = createRequire(import.meta.url);
  const { default: Engine } = require('unleash-client/lib/client') as {
    readonly default: new (repository: unknown, strategies: unknown) => UnleashEngine;
  };
  const { defaultStrategies } = require('unleash-client/lib/strategy') as { readonly defaultStrategies: unknown };
  const toggles = new Map(
    flags.map(({ key, conditions, percentage }) => [
      key,
      {
        name: key,
        enabled: true,
        strategies: [
          {
            name: 'flexibleRollout',
            parameters: { rollout: String(percentage), stickiness: 'userId', groupId: key },
            constraints: unleashConstraints({ conditions }),
          },
        ],
      },
    ]),
  );
  const engine = new Engine({ getToggle: (name: string) => toggles.get(name) }, defaultStrategies);
  return {
    name: 'unleash-client',
    prepare: ({ targetingKey, attributes }) => ({ userId: targetingKey, properties: attributes }),
    isOn: (key, prepared) => engine.isEnabled(key, prepared, () => false),
  };
}

export function flagd(flags: readonly PeerFlag[]): Peer {
  const variable = (attribute: string) => ({ var: attribute });
  const terms: Terms<object> = {
    in: (attribute, values) => ({ in: [variable(attribute), values] }),
    ends_with: (attribute, values) => ({ ends_with: [variable(attribute), values[0]] }),
    gte: (attribute, values) => ({ '>=': [variable(attribute), Number(values[0])] }),
    lt: (attribute, values) => ({ '<': [variable(attribute), Number(values[0])] }),
  };
  const definition = ({ conditions, percentage }: PeerFlag) => {
    const split = {
      fractional: [
        ['on', percentage],
        ['off', 100 - percentage],
      ],
    };
    return {
      state: 'ENABLED',
      variants: { on: true, off: false },
      defaultVariant: 'off',
      targeting: {
        if: [
          { and: conditions.map((condition) => translated(condition, terms)) },
          percentage < 100 ? split : 'on',
          'off',
        ],
      },
    };
  };
  const silent = () => undefined;
  const logger = { error: silent, warn: silent, info: silent, debug: silent };
  const core = new FlagdCore(undefined, logger);
  core.setConfigurations(
    JSON.stringify({ flags: Object.fromEntries(flags.map((flag) => [flag.key, definition(flag)])) }),
  );
  return {
    name: '@openfeature/flagd-core',
    prepare: ({ targetingKey, attributes }) => ({ ...attributes, targetingKey }),
    isOn: (key, prepared) => core.resolveBooleanEvaluation(key, false, prepared as never, logger).value,
  };
}
