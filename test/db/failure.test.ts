import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  BSON,
  MongoInvalidArgumentError,
  MongoNetworkError,
  MongoServerError,
  MongoWriteConcernError,
  ObjectId,
} from 'mongodb';
import { failureKind, failureName, refusalsOf } from '../../db/failure.js';
import { PlatformError } from '../../domain/errors.js';

const ofCode = (code: number, more: object = {}) => new MongoServerError({ message: 'no', code, ...more });

describe('what a failed write says about trying again', () => {
  it('is transient for what servers and networks do', () => {
    const codes = [6, 7, 13, 18, 24, 50, 64, 89, 91, 112, 189, 262, 9_001, 10_107, 11_600, 11_602, 13_435, 14_031];
    for (const code of codes) assert.equal(failureKind(ofCode(code)), 'transient', String(code));
    assert.equal(failureKind(new MongoNetworkError('reset')), 'transient');
    assert.equal(failureKind(ofCode(251, { errorLabels: ['TransientTransactionError'] })), 'transient');
    assert.equal(failureKind(Object.assign(new Error('reset'), { code: 'ECONNRESET', syscall: 'read' })), 'transient');
    assert.equal(failureKind(new PlatformError('UNAVAILABLE', 'not now')), 'transient');
    const unconfirmed = { ok: 1, writeConcernError: { code: 100, errmsg: 'not enough members' } };
    assert.equal(failureKind(new MongoWriteConcernError(unconfirmed)), 'transient');
  });

  it('is of the lane where a newer owner was there', () => {
    for (const code of [225, 217]) assert.equal(failureKind(ofCode(code)), 'lane');
  });

  it('is of the content for all else, also for what nobody has heard of', () => {
    for (const code of [2, 22, 52, 121, 10_334, 11_000, 987_654]) assert.equal(failureKind(ofCode(code)), 'content');
    assert.equal(failureKind(new MongoInvalidArgumentError('too large')), 'content');
    assert.equal(failureKind(new TypeError('x is undefined')), 'content');
    assert.throws(
      () => BSON.serialize({ 'a\0b': 1 }),
      (error: unknown) => failureKind(error) === 'content' && failureName(error) === 'BSONError',
    );
  });

  it('looks at each document of a command: one that a server could not write makes none guilty', () => {
    const writeErrors = [
      { index: 0, code: 121, errmsg: 'failed validation' },
      { index: 4, code: 112, errmsg: 'write conflict' },
    ];
    const error = ofCode(121, { writeErrors });
    assert.equal(failureKind(error), 'transient');
    assert.deepEqual(refusalsOf(error), writeErrors);
    assert.equal(failureKind(ofCode(121, { writeErrors: writeErrors.slice(0, 1) })), 'content');
  });

  it('has a name that can be counted by', () => {
    assert.deepEqual([ofCode(121), ofCode(11_000), ofCode(5), new TypeError(String(new ObjectId()))].map(failureName), [
      'DocumentValidationFailure',
      'DuplicateKey',
      'code 5',
      'TypeError',
    ]);
  });
});
