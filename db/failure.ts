import { MongoError, MongoInvalidArgumentError, MongoServerError } from 'mongodb';
import { ERRORS, PlatformError } from '../domain/errors.js';

/**
 * What a failed write says about trying it again.
 * - `transient`: of the servers or the way to them; the same write may well succeed later.
 * - `lane`: a newer owner has written in the lane, or mongod has forgotten part of it.
 * - `content`: everything else, also what nobody has heard of. After a few tries it is the content's fault.
 */
export type FailureKind = 'transient' | 'lane' | 'content';

/** TransactionTooOld, IncompleteTransactionHistory. */
const LANE_CODES: ReadonlySet<unknown> = new Set([225, 217]);

const TRANSIENT_CODES: ReadonlySet<unknown> = new Set([
  // LockTimeout, MaxTimeMSExpired, WriteConcernFailed, WriteConflict, ExceededTimeLimit
  ...[24, 50, 64, 112, 262],
  // ShutdownInProgress, PrimarySteppedDown, and the others that say "not primary"
  ...[91, 189, 10_058, 10_107, 13_435, 13_436],
  // Between servers, which a router passes on: HostUnreachable, HostNotFound, NetworkTimeout, SocketException
  ...[6, 7, 89, 9_001],
  // Of the installation, never of one document: Unauthorized, AuthenticationFailed, OutOfDiskSpace
  ...[13, 18, 14_031],
]);

const TRANSIENT_LABELS = ['TransientTransactionError', 'UnknownTransactionCommitResult', 'RetryableWriteError'];

/** The codes 116xx are those of what was interrupted: at a shutdown, by an operator, by a change of state. */
const isTransientCode = (code: unknown): boolean =>
  TRANSIENT_CODES.has(code) || (typeof code === 'number' && code >= 11_600 && code < 11_700);

export function failureKind(error: unknown): FailureKind {
  if (error instanceof MongoServerError) return ofServer(error);
  // Of the driver's own errors only this one speaks of what was to be written.
  if (error instanceof MongoError) return error instanceof MongoInvalidArgumentError ? 'content' : 'transient';
  if (error instanceof PlatformError) return ERRORS[error.code].retryable ? 'transient' : 'content';
  // Node's own, such as ECONNRESET, name the call that failed.
  return error instanceof Error && 'syscall' in error ? 'transient' : 'content';
}

function ofServer(error: MongoServerError): FailureKind {
  const codes = [error.code, ...refusalsOf(error).map(({ code }) => code)];
  if (codes.some((code) => LANE_CODES.has(code))) return 'lane';
  if (TRANSIENT_LABELS.some((label) => error.hasErrorLabel(label))) return 'transient';
  // Written, but not on a majority: that says nothing of what was written.
  if (error.name === 'MongoWriteConcernError') return 'transient';
  return codes.some(isTransientCode) ? 'transient' : 'content';
}

/** That mongod took a command, but not one of its documents. */
export interface WriteRefusal {
  /** Of the document within the command. */
  readonly index: number;
  readonly code: number;
  readonly errmsg: string;
}

/** What an error says of single documents; empty where the command as a whole was refused. */
export function refusalsOf(error: unknown): readonly WriteRefusal[] {
  if (!(error instanceof MongoServerError)) return [];
  const refusals: unknown = error['writeErrors'];
  return Array.isArray(refusals) ? (refusals as WriteRefusal[]) : [];
}

const NAMES: ReadonlyMap<unknown, string> = new Map([
  [2, 'BadValue'],
  [14, 'TypeMismatch'],
  [22, 'InvalidBSON'],
  [121, 'DocumentValidationFailure'],
  [10_334, 'BSONObjectTooLarge'],
  [11_000, 'DuplicateKey'],
]);

/** mongod's own name for a code, where it is one that content gives rise to, else the number. */
export const codeName = (code: unknown): string => NAMES.get(code) ?? `code ${String(code)}`;

/** A failure in a word, of which there are few enough to be counted by. */
export function failureName(error: unknown): string {
  if (error instanceof MongoServerError) return codeName(error.code);
  return error instanceof Error ? error.name : 'unknown';
}
