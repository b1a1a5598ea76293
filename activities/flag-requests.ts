import type { FlagMaking } from '../db/flag-making.js';
import type { FlagRequests } from '../db/flag-requests.js';
import { idFromHex } from '../db/ids.js';
import { ERRORS, PlatformError } from '../domain/errors.js';
import type { RequestMessage, RequestOutcome, RequestState, RequestVerb } from '../domain/flag-request.js';

export interface FlagRequestStep {
  /** Hex. */
  readonly requestId: string;
  /** ISO 8601, taken in the workflow. */
  readonly now: string;
}

export interface DecideRequestInput extends FlagRequestStep {
  readonly verb: RequestVerb;
  readonly message: RequestMessage;
}

export interface FlagRequestDeps {
  readonly flagRequests: Pick<FlagRequests, 'find' | 'decide' | 'settle' | 'wasMade'>;
  readonly makeFlagChange: FlagMaking;
}

const REASON_CHARACTERS = 1_000;

export function flagRequestActivities({ flagRequests, makeFlagChange }: FlagRequestDeps) {
  return {
    /** Undefined: there is no such request. */
    async lookAtRequest({ requestId }: { readonly requestId: string }): Promise<RequestState | undefined> {
      return (await flagRequests.find(idFromHex(requestId)))?.state;
    },

    /** Idempotent: the same word of the same member is answered as before. */
    decideRequest: ({ requestId, verb, message, now }: DecideRequestInput): Promise<RequestOutcome> =>
      flagRequests.decide(idFromHex(requestId), verb, message, new Date(now)),

    /** Makes the change that was approved, once; what stands in its way for good makes the request stale. */
    async applyRequest({ requestId, now }: FlagRequestStep): Promise<RequestOutcome> {
      const id = idFromHex(requestId);
      const request = await flagRequests.find(id);
      if (request?.state === 'approved' && !(await flagRequests.wasMade(request))) {
        try {
          await makeFlagChange(request);
        } catch (error) {
          if (!(error instanceof PlatformError) || ERRORS[error.code].retryable) throw error;
          // What stands in the way may be the change itself, by an earlier attempt that was at it all the time.
          if (!(await flagRequests.wasMade(request)))
            return flagRequests.settle(id, 'stale', error.message.slice(0, REASON_CHARACTERS), new Date(now));
        }
      }
      return flagRequests.settle(id, 'applied', null, new Date(now));
    },

    /** Idempotent. */
    expireRequest: ({ requestId, now }: FlagRequestStep): Promise<RequestOutcome> =>
      flagRequests.settle(idFromHex(requestId), 'expired', null, new Date(now)),
  };
}

export type FlagRequestActivities = ReturnType<typeof flagRequestActivities>;
