import type { Exception, StackFrame, UnresolvedReason } from './occurrence.js';
import { mappable } from './source-path.js';
import { parseStackTrace } from './stack.js';

interface Stated {
  readonly exceptions: readonly Exception[];
  readonly stackTrace: string;
  readonly errorType: string;
  readonly message: string;
  readonly sourceFile: string;
  readonly line: number;
  readonly column: number;
}

/**
 * What an occurrence states of its exceptions: as they were sent, else from the text of the stack, else the one place
 * that the client names.
 */
export function statedExceptions(stated: Stated): readonly Exception[] {
  if (stated.exceptions.length > 0) return stated.exceptions;
  const parsed = parseStackTrace(stated.stackTrace);
  if (parsed.length > 0) return parsed;
  const { errorType, message, sourceFile, line, column } = stated;
  const frame = { file: sourceFile, module: '', function: '', line, column, inApp: true };
  return [
    { type: errorType, value: message, synthetic: false, handled: null, frames: sourceFile === '' ? [] : [frame] },
  ];
}

/** Why a frame is as it was sent when no source map was there for it. */
export function reasonWithoutMap({ line, column, debugId }: StackFrame, release: string): UnresolvedReason {
  if (line < 1 || column < 1) return 'NO_POSITION';
  return debugId === undefined && release === '' ? 'NO_RELEASE_OR_DEBUG_ID' : 'NO_SOURCE_MAP';
}

/**
 * The same for people. While an app has no source maps nothing is stored of frames beyond what was sent, so why those
 * of bundles are not resolved is said here.
 */
export const shownExceptions = (error: Stated & { readonly release: string }): readonly Exception[] =>
  statedExceptions(error).map((exception) => ({
    ...exception,
    frames: exception.frames.map((frame) => {
      const isResolved = frame.minified !== undefined || frame.unresolved !== undefined;
      if (isResolved || (mappable(frame.file) !== 'url' && frame.debugId === undefined)) return frame;
      return { ...frame, unresolved: reasonWithoutMap(frame, error.release) };
    }),
  }));
