/** What people do to a request for a change of flags. Each is a route, an update and a signal of that name. */
export const REQUEST_VERBS = ['approve', 'reject', 'withdraw'] as const;
export type RequestVerb = (typeof REQUEST_VERBS)[number];

/**
 * `approved`: about to be made. `stale`: what it was a change of has changed meanwhile, or it can no longer be made; it
 * can be asked for again.
 */
export const REQUEST_STATES = ['pending', 'approved', 'applied', 'rejected', 'withdrawn', 'stale', 'expired'] as const;
export type RequestState = (typeof REQUEST_STATES)[number];

export const isOpen = (state: RequestState): boolean => state === 'pending' || state === 'approved';

/** What a verb makes of a pending request, before what follows from it. */
export const STATE_AFTER: Readonly<Record<RequestVerb, RequestState>> = {
  approve: 'approved',
  reject: 'rejected',
  withdraw: 'withdrawn',
};

export const COMMENT_CHARACTERS = 2_000;

/** Somebody's word, as the workflow gets it. */
export interface RequestMessage {
  /** The member, hex: set by the API from the token, never by who asks. */
  readonly actor: string;
  readonly comment: string;
}

export type RequestOutcome =
  | { readonly outcome: 'done'; readonly state: RequestState; readonly reason: string | null }
  | {
      readonly outcome: 'refused';
      readonly code: 'FORBIDDEN' | 'CONFLICT' | 'NOT_FOUND';
      readonly reason: string;
    };

const ID = /^[0-9a-f]{24}$/;

/** What is wrong with the shape of a message; whether it may happen is decided where it is written. */
export function requestMessageFault(message: Partial<RequestMessage> | undefined): string | undefined {
  if (typeof message?.actor !== 'string' || !ID.test(message.actor)) return 'the actor must be a member id';
  if (typeof message.comment !== 'string') return 'the comment must be a text';
  return message.comment.length > COMMENT_CHARACTERS ? 'the comment is too long' : undefined;
}
