import type { Definitions, Flag, FlagCondition, FlagRule, Prerequisite, Segment } from './flag.js';
import { conditionCompiler, isFault, operatorOf } from './flag-conditions.js';
import { FLAG_KEY_PATTERN, FLAG_LIMITS } from './flag-limits.js';
import { endingFlags } from './flag-prerequisites.js';
import { compileRule } from './flag-rules.js';
import { isJson, isOfType } from './flag-values.js';
import { utf8 } from './utf8.js';

/** A definition as somebody wants to save it. */
export type FlagDraft = Omit<Flag, 'version' | 'enabled'>;

/** One thing that makes a definition unacceptable. */
export interface FlagFault {
  /** Where, as a JSON pointer into the definition: `/rules/0/conditions/1/values`. */
  readonly path: string;
  /** For people. */
  readonly why: string;
}

/** What a definition is checked against; that it holds an older version of the same flag does not matter. */
export type OtherDefinitions = Pick<Definitions, 'flags' | 'segments'>;

const FLAG_KEY = new RegExp(FLAG_KEY_PATTERN);

/** Everything that makes this definition unacceptable; empty where it may be saved, and none of its rules is broken. */
export function checkFlag(flag: FlagDraft, others: OtherDefinitions): readonly FlagFault[] {
  const { key, type, defaultValue, rules, prerequisites } = flag;
  const conditions = conditionCompiler(others.segments);
  const ruleFaults = (rule: FlagRule): readonly FlagFault[] => {
    const compiled = compileRule(rule, flag, conditions);
    return 'rule' in compiled ? [] : compiled;
  };
  return [
    ...keyFaults(key),
    ...(isOfType(type, defaultValue) ? [] : [{ path: '/defaultValue', why: `the flag is of type ${type}` }]),
    ...sizeFaults(defaultValue, '/defaultValue'),
    ...tooMany(rules, FLAG_LIMITS.rules, '/rules'),
    ...repeated(rules.map(({ ruleId }) => ruleId)).map((index) => ({
      path: `/rules/${index}/ruleId`,
      why: 'another rule has this id',
    })),
    ...rules
      .slice(0, FLAG_LIMITS.rules)
      .flatMap((rule, index) => [...ruleFaults(rule), ...ruleBounds(rule)].map(within(`/rules/${index}`))),
    ...tooMany(prerequisites, FLAG_LIMITS.prerequisites, '/prerequisites'),
    ...prerequisites
      .slice(0, FLAG_LIMITS.prerequisites)
      .flatMap((prerequisite, index) =>
        prerequisiteFaults(prerequisite, key, others).map(within(`/prerequisites/${index}`)),
      ),
    ...endFaults(flag, others),
  ];
}

/** The same for a segment. Whether rules still name it when it goes, and how many there are, is for others to ask. */
export function checkSegment({ key, clauses }: Segment): readonly FlagFault[] {
  const conditions = conditionCompiler([]);
  return [
    ...keyFaults(key),
    ...tooMany(clauses, FLAG_LIMITS.clauses, '/clauses'),
    ...clauses.slice(0, FLAG_LIMITS.clauses).flatMap((clause, c) =>
      [
        ...clause.conditions.slice(0, FLAG_LIMITS.conditions).flatMap((condition, index) => {
          const check = conditions.compileWithin(condition);
          return isFault(check) ? [check].map(within(`/conditions/${index}`)) : [];
        }),
        ...conditionsBounds(clause.conditions),
      ].map(within(`/clauses/${c}`)),
    ),
  ];
}

const within =
  (path: string) =>
  (fault: FlagFault): FlagFault => ({ path: path + fault.path, why: fault.why });

const keyFaults = (key: string): readonly FlagFault[] =>
  FLAG_KEY.test(key)
    ? []
    : [{ path: '/key', why: 'a key is up to 128 letters, digits and ._-/, the first one a letter or digit' }];

const tooMany = (list: readonly unknown[], most: number, path: string): readonly FlagFault[] =>
  list.length > most ? [{ path, why: `more than ${most}` }] : [];

/** The places of those that were there before. */
const repeated = (ids: readonly string[]): readonly number[] => {
  const seen = new Set<string>();
  return ids.flatMap((id, index) => (seen.has(id) ? [index] : (seen.add(id), [])));
};

const sizeFaults = (value: unknown, path: string): readonly FlagFault[] =>
  isJson(value) && utf8(JSON.stringify(value)).length > FLAG_LIMITS.valueBytes
    ? [{ path, why: `more than ${FLAG_LIMITS.valueBytes} bytes as JSON` }]
    : [];

const idFaults = (id: string, path: string): readonly FlagFault[] =>
  id !== '' && id.length <= FLAG_LIMITS.idChars
    ? []
    : [{ path, why: `an id has 1 to ${FLAG_LIMITS.idChars} characters` }];

function ruleBounds({ ruleId, conditions, value, variants = [], bucketBy = '' }: FlagRule): readonly FlagFault[] {
  return [
    ...idFaults(ruleId, '/ruleId'),
    ...sizeFaults(value, '/value'),
    ...conditionsBounds(conditions),
    ...tooMany(variants, FLAG_LIMITS.variants, '/variants'),
    ...repeated(variants.map(({ key }) => key)).map((index) => ({
      path: `/variants/${index}/key`,
      why: 'another variant has this key',
    })),
    ...variants.flatMap((variant, index) => [
      ...idFaults(variant.key, `/variants/${index}/key`),
      ...sizeFaults(variant.value, `/variants/${index}/value`),
    ]),
    ...attributeFaults(bucketBy, '/bucketBy'),
  ];
}

const attributeFaults = (attribute: string, path: string): readonly FlagFault[] =>
  attribute.length > FLAG_LIMITS.attributeChars
    ? [{ path, why: `more than ${FLAG_LIMITS.attributeChars} characters` }]
    : [];

const conditionsBounds = (conditions: readonly FlagCondition[]): readonly FlagFault[] => [
  ...tooMany(conditions, FLAG_LIMITS.conditions, '/conditions'),
  ...conditions.flatMap((condition, index) => conditionBounds(condition).map(within(`/conditions/${index}`))),
];

function conditionBounds({ attribute, operator, values, caseInsensitive }: FlagCondition): readonly FlagFault[] {
  const long = values.some((value) => value.length > FLAG_LIMITS.conditionValueChars);
  return [
    ...attributeFaults(attribute, '/attribute'),
    ...tooMany(values, FLAG_LIMITS.values, '/values'),
    ...(long ? [{ path: '/values', why: `one has more than ${FLAG_LIMITS.conditionValueChars} characters` }] : []),
    ...(caseInsensitive === true && operatorOf(operator)?.text !== true
      ? [{ path: '/caseInsensitive', why: 'this operator does not compare text' }]
      : []),
  ];
}

function prerequisiteFaults({ flagKey, values }: Prerequisite, key: string, { flags }: OtherDefinitions) {
  if (flagKey === key) return [{ path: '/flagKey', why: 'a flag is no prerequisite of itself' }];
  const other = flags.find((flag) => flag.key === flagKey);
  if (other === undefined) return [{ path: '/flagKey', why: `no flag is called ${flagKey}` }];
  return [
    ...(values.length === 0 ? [{ path: '/values', why: 'without values it is never met' }] : []),
    ...tooMany(values, FLAG_LIMITS.values, '/values'),
    ...sizeFaults(values, '/values'),
    ...(values.every((value) => isOfType(other.type, value))
      ? []
      : [{ path: '/values', why: `flag ${flagKey} is of type ${other.type}` }]),
  ];
}

/** A prerequisite may lead nowhere already; this definition must not be what makes one so. */
function endFaults(flag: FlagDraft, { flags }: OtherDefinitions): readonly FlagFault[] {
  if (flag.prerequisites.length === 0) return [];
  const others = flags.filter(({ key }) => key !== flag.key);
  const before = endingFlags(flags);
  const after = endingFlags([...others, flag]);
  const lost = [flag.key, ...others.map(({ key }) => key).filter((key) => before.has(key))].find(
    (key) => !after.has(key),
  );
  return lost === undefined
    ? []
    : [
        {
          path: '/prerequisites',
          why: `they lead into a cycle, or are more than ${FLAG_LIMITS.prerequisiteLevels} levels deep (${lost})`,
        },
      ];
}
