/** What a client says that is no item of its own collection yet: ids are the client's, nothing is bounded. */
export type SessionStatus = 'ok' | 'errored' | 'abnormal' | 'crashed';

interface SessionFacts {
  readonly release: string;
  readonly environment: string;
  /** When it began, epoch ms. */
  readonly startedMs: number;
}

/** One session by its id, or many that the client has counted itself. */
export type SessionStatement = SessionFacts &
  (
    | { readonly type: 'session'; readonly sid: string; readonly status: SessionStatus; readonly profileId: string }
    | { readonly type: 'sessions'; readonly counts: Readonly<Record<SessionStatus, number>> }
  );

/** What a user wrote, perhaps about an error. */
export interface FeedbackStatement {
  readonly text: string;
  readonly name: string;
  readonly email: string;
  readonly pageUrl: string;
  /** The `errorId` it is about, or `''`. */
  readonly associatedErrorId: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly profileId: string;
  readonly timestampMs: number;
}
