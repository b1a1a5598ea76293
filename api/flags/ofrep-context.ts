import { LIMITS } from '../../domain/limits.js';
import { isObject, type Json, tooDeep } from '../../domain/loose.js';
import { asText, parseJson } from '../ingest/json-body.js';
import { breather } from '../ingest/turns.js';

/** What OFREP sends of for whom it asks. */
export interface OfrepContext {
  readonly targetingKey: string | undefined;
  readonly given: Json;
}

/** Why it cannot be read, in OFREP's terms. */
export interface ContextFault {
  readonly errorCode: 'PARSE_ERROR' | 'INVALID_CONTEXT';
  readonly errorDetails: string;
}

const invalid = (errorDetails: string): ContextFault => ({ errorCode: 'INVALID_CONTEXT', errorDetails });

/** Without a context, or with an empty body, it is about nobody. */
export async function readContext(body: Buffer): Promise<OfrepContext | ContextFault> {
  const request = body.length === 0 ? {} : await parseJson(asText(body), breather());
  if (!isObject(request)) return { errorCode: 'PARSE_ERROR', errorDetails: 'the body is no JSON object' };
  const context = request['context'] ?? {};
  if (!isObject(context)) return invalid('the context is no object');
  if (tooDeep(context)) return invalid('the context is nested too deeply');
  const { targetingKey: key, ...given } = context;
  if (key === undefined || key === null || key === '') return { targetingKey: undefined, given };
  const targetingKey = typeof key === 'number' ? String(key) : key;
  if (typeof targetingKey !== 'string') return invalid('the targeting key is no text');
  if (targetingKey.length > LIMITS.mapValue) return invalid('the targeting key is too long');
  return { targetingKey, given };
}
