import { isObject, type Json, listOf, objectOf, textOf, wholeOf } from '../loose.js';
import type { Exception, FrameContext, StackFrame } from '../occurrence.js';

/** The debug ids of bundles by the file that a frame names. */
type DebugIds = ReadonlyMap<string, string>;

const DEBUG_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The thrown error first, then its causes in order. The envelope has it the other way round, unless the values are
 * numbered. What was thrown without a stack, or a message, gets the frames of the thread it happened on.
 */
export function exceptionsOf(event: Json): readonly Exception[] {
  const debugIds = debugIdsOf(event);
  const values = inOrder(valuesOf(event['exception']));
  const exceptions = values.map((value) => exceptionOf(value, debugIds));
  const [first, ...causes] = exceptions;
  if (first !== undefined && first.frames.length > 0) return exceptions;
  const frames = framesOf(event, debugIds) ?? threadFrames(event, debugIds) ?? [];
  if (first !== undefined) return [{ ...first, frames }, ...causes];
  return frames.length > 0 ? [{ type: '', value: '', synthetic: true, handled: null, frames }] : [];
}

/** A list of exceptions or threads: bare, or under `values`. */
function valuesOf(list: unknown): readonly Json[] {
  return listOf(isObject(list) ? list['values'] : list).filter(isObject);
}

/** What an SDK says of how an exception was caught. */
export const mechanismOf = (value: Json): Json => objectOf(value['mechanism']);

/** The value of the error that was thrown, as it stands in the event. */
export const thrownValue = (event: Json): Json => inOrder(valuesOf(event['exception']))[0] ?? {};

function inOrder(values: readonly Json[]): readonly Json[] {
  const numbers = values.map((value) => mechanismOf(value)['exception_id']);
  const areNumbered =
    numbers.every((number) => Number.isSafeInteger(number)) && new Set(numbers).size === numbers.length;
  if (!areNumbered) return [...values].reverse();
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
  const frames = listOf(objectOf(holder['stacktrace'])['frames']).filter(isObject);
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
  const debugId = debugIds.get(filename) ?? debugIds.get(path);
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
  return { before: listOf(frame['pre_context']).map(textOf), line, after: listOf(frame['post_context']).map(textOf) };
}

function debugIdsOf(event: Json): DebugIds {
  const ids = new Map<string, string>();
  for (const image of listOf(objectOf(event['debug_meta'])['images'])) {
    const { code_file: file, debug_id: id } = objectOf(image);
    if (typeof file !== 'string' || typeof id !== 'string') continue;
    const debugId = id.toLowerCase();
    if (DEBUG_ID.test(debugId)) ids.set(file, debugId);
  }
  return ids;
}
