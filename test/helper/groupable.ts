import type { Groupable } from '../../domain/grouping.js';
import type { Exception, StackFrame } from '../../domain/occurrence.js';

/** What is not named says nothing. */
export const groupable = (fields: Partial<Groupable> = {}): Groupable => ({
  errorType: '',
  message: '',
  exceptions: [],
  fingerprint: [],
  sourceFile: '',
  ...fields,
});

export const frame = (fields: Partial<StackFrame>): StackFrame => ({
  file: '',
  module: '',
  function: '',
  line: 0,
  column: 0,
  inApp: true,
  ...fields,
});

export const exception = (fields: Partial<Exception> = {}): Exception => ({
  type: 'TypeError',
  value: '',
  synthetic: false,
  handled: null,
  frames: [],
  ...fields,
});
