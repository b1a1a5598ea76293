import { firstObjects, isObject, type Json, lastObjects, listOf, objectOf, textOf, wholeOf } from '../loose.js';
import { type Exception, type FrameContext, MOST_READ, type StackFrame } from '../occurrence.js';

/** The debug ids of bundles by the file that a frame names. */
type DebugIds = ReadonlyMap<string, string>;

type Order = 'thrown-first' | 'thrown-last';

/** Of source, before and after a call's. */
const MOST_LINES = 20;
/** Exceptions or threads of one event. */
const MOST_VALUES = 1_000;
/** Bundles that an event names. */
const MOST_IMAGES = 3_000;

const DEBUG_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The thrown error first, then its causes in order. The envelope has it the other way round, unless the values are
 * numbered. What was thrown without a stack, or a message, gets the frames of the thread it happened on.
 */
export function exceptionsOf(event: Json): readonly Exception[] {
  const debugIds = debugIdsOf(event);
  const exceptions = exceptionsIn(valuesOf(event['exception']), 'thrown-last', debugIds);
  const [first, ...causes] = exceptions;
  if (first !== undefined && first.frames.length > 0) return exceptions;
  const frames = framesOf(event, debugIds) ?? threadFrames(event, debugIds) ?? [];
  if (first !== undefined) return [{ ...first, frames }, ...causes];
  return frames.length > 0 ? [{ type: '', value: '', synthetic: true, handled: null, frames }] : [];
}

/** @param order that of values without numbers */
export function exceptionsIn(
  values: readonly Json[],
  order: Order,
  debugIds: DebugIds = new Map(),
): readonly Exception[] {
  const ordered = inOrder(values, order);
  const [thrown, ...causes] = ordered.slice(0, MOST_READ.exceptions).map((value) => exceptionOf(value, debugIds));
  if (thrown === undefined) return [];
  // Sentry's SDK for browsers says of the last cause how the whole was caught.
  const isUnhandled = ordered.some((value, at) => at > 0 && mechanismOf(value)['handled'] === false);
  return [isUnhandled ? { ...thrown, handled: false } : thrown, ...causes];
}

/** A list of exceptions or threads: bare, or under `values`. */
function valuesOf(list: unknown): readonly Json[] {
  return lastObjects(isObject(list) ? list['values'] : list, MOST_VALUES);
}

/** What an SDK says of how an exception was caught. */
const mechanismOf = (value: Json): Json => objectOf(value['mechanism']);

const NETWORK_MESSAGE =
  /^(Failed to fetch|NetworkError when attempting to fetch resource|Load failed|Network Error|Network request failed)/;

/** Which of our four types an event is; the type that was thrown stands with the exception. */
export const errorTypeOf = (event: Json): string => errorTypeIn(valuesOf(event['exception']), 'thrown-last');

export function errorTypeIn(values: readonly Json[], order: Order): string {
  const [thrown = {}] = inOrder(values, order);
  const mechanisms = values.map((value) => textOf(mechanismOf(value)['type']));
  const isCaughtBy = (pattern: RegExp): boolean => mechanisms.some((mechanism) => pattern.test(mechanism));
  if (isCaughtBy(/unhandled_?rejection$/i)) return 'unhandled_rejection';
  if (isCaughtBy(/error_boundary|\.(react|vue|svelte|angular|ember)\./i)) return 'render';
  if (isCaughtBy(/^auto\.http\.client\b/) || NETWORK_MESSAGE.test(textOf(thrown['value']))) return 'network';
  return 'runtime';
}

function inOrder(values: readonly Json[], order: Order): readonly Json[] {
  const numbers = values.map((value) => mechanismOf(value)['exception_id']);
  const areNumbered =
    numbers.every((number) => Number.isSafeInteger(number)) && new Set(numbers).size === numbers.length;
  if (!areNumbered) return order === 'thrown-last' ? values.toReversed() : values;
  return values
    .map((value) => ({ value, number: mechanismOf(value)['exception_id'] as number }))
    .sort((a, b) => a.number - b.number)
    .map(({ value }) => value);
}

function exceptionOf(value: Json, debugIds: DebugIds): Exception {
  const { synthetic, handled } = mechanismOf(value);
  return {
    type: textOf(value['type']),
    value: textOf(value['value']),
    synthetic: synthetic === true,
    handled: typeof handled === 'boolean' ? handled : null,
    frames: framesOf(value, debugIds) ?? [],
  };
}

/** The crash frame first; undefined where there is no stack. */
function framesOf(holder: Json, debugIds: DebugIds): StackFrame[] | undefined {
  const frames = lastObjects(objectOf(holder['stacktrace'])['frames'], MOST_READ.frames);
  return frames.length === 0 ? undefined : frames.map((frame) => frameOf(frame, debugIds)).reverse();
}

/** Native SDKs leave the stack with the thread. */
function threadFrames(event: Json, debugIds: DebugIds): StackFrame[] | undefined {
  const threads = valuesOf(event['threads']);
  const thread = threads.find(({ crashed }) => crashed === true) ?? threads.find(({ current }) => current === true);
  return thread && framesOf(thread, debugIds);
}

function frameOf(frame: Json, debugIds: DebugIds): StackFrame {
  const filename = textOf(frame['filename']);
  const path = textOf(frame['abs_path']);
  const context = contextOf(frame);
  const debugId = debugIds.get(filename) ?? debugIds.get(path) ?? debugIdOf(frame['chunk_id']);
  return {
    file: filename || path,
    module: textOf(frame['module']),
    function: textOf(frame['function']),
    line: wholeOf(frame['lineno']),
    column: wholeOf(frame['colno']),
    inApp: frame['in_app'] !== false,
    ...(context !== undefined && { context }),
    ...(debugId !== undefined && { debugId }),
  };
}

function contextOf(frame: Json): FrameContext | undefined {
  const line = frame['context_line'];
  if (typeof line !== 'string') return undefined;
  const before = listOf(frame['pre_context']).slice(-MOST_LINES);
  return { before: before.map(textOf), line, after: listOf(frame['post_context']).slice(0, MOST_LINES).map(textOf) };
}

function debugIdsOf(event: Json): DebugIds {
  const ids = new Map<string, string>();
  for (const { code_file: file, debug_id: id } of firstObjects(objectOf(event['debug_meta'])['images'], MOST_IMAGES)) {
    if (typeof file !== 'string') continue;
    const debugId = debugIdOf(id);
    if (debugId !== undefined) ids.set(file, debugId);
  }
  return ids;
}

function debugIdOf(value: unknown): string | undefined {
  const id = textOf(value).toLowerCase();
  return DEBUG_ID.test(id) ? id : undefined;
}
