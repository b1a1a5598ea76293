import { ApplicationFailure } from '@temporalio/common';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { ERRORS, PlatformError } from '../domain/errors.js';

/** Gives a refusal its code as Temporal's failure type, and Temporal our word on whether trying again can help. */
export const failureInterceptor: ActivityInboundCallsInterceptor = {
  async execute(input, next) {
    try {
      return await next(input);
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      throw ApplicationFailure.create({
        message: error.message,
        type: error.code,
        nonRetryable: !ERRORS[error.code].retryable,
        cause: error,
      });
    }
  },
};
