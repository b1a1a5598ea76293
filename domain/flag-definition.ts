import { checkFlag, type FlagDraft, type FlagFault, type OtherDefinitions } from './flag-check.js';
import { isLongerThan, jsonFault } from './json-value.js';
import { VALUE_SCHEMA, valueSchema } from './value-schema.js';

/** A flag as somebody wants to save it, with the schema of its values as JSON text. */
export interface FlagDefinitionDraft extends FlagDraft {
  readonly valueSchema: string | null;
}

/** Of a whole flag or segment, as JSON: it is stored with each of its versions. */
const DEFINITION_CHARS = 256 * 1024;

/** Everything for which this definition cannot be saved. */
export function definitionFaults(draft: FlagDefinitionDraft, others: OtherDefinitions): readonly FlagFault[] {
  const unsound = shapeFault(draft);
  return unsound === undefined ? [...checkFlag(draft, others), ...schemaFaults(draft)] : [unsound];
}

/** What must not be so, before anything else looks at it. */
export function shapeFault(definition: object): FlagFault | undefined {
  // Its size last: what is nested too deep cannot be written as JSON.
  return jsonFault(definition) ?? sizeFault(definition);
}

/** The same of its size alone, which takes little time whatever it holds. */
export function sizeFault(definition: object): FlagFault | undefined {
  if (!isLongerThan(definition, DEFINITION_CHARS)) return undefined;
  return { path: '', why: `has more than ${String(DEFINITION_CHARS)} characters as JSON` };
}

function schemaFaults({ type, valueSchema: text, defaultValue, rules }: FlagDefinitionDraft): readonly FlagFault[] {
  const path = '/valueSchema';
  if (text === null) return [];
  if (type !== 'json') return [{ path, why: 'only values of type json have a schema' }];
  if (text.length > VALUE_SCHEMA.chars)
    return [{ path, why: `has more than ${String(VALUE_SCHEMA.chars)} characters` }];
  const schema = valueSchema(JSON.parse(text));
  if (typeof schema === 'string') return [{ path, why: schema }];
  const values: readonly (readonly [path: string, value: unknown])[] = [
    ['/defaultValue', defaultValue],
    ...rules.flatMap(({ value, variants = [] }, n) => [
      [`/rules/${String(n)}/value`, value] as const,
      ...variants.map((variant, v) => [`/rules/${String(n)}/variants/${String(v)}/value`, variant.value] as const),
    ]),
  ];
  return values.flatMap(([at, value]) => {
    const fault = schema.faultOf(value);
    return fault === undefined ? [] : [{ path: at + fault.path, why: fault.why }];
  });
}
