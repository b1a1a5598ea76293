import type { ClientSession } from 'mongodb';
import type { FlushWrite } from '../db/batch.js';
import type { Drops } from '../db/drops.js';
import type { Feedback } from '../db/feedback.js';
import type { Profiles } from '../db/profiles.js';
import type { Sessions } from '../db/release-sessions.js';

export interface WriteDeps {
  readonly profiles: Profiles;
  readonly sessions: Sessions;
  readonly feedback: Feedback;
  readonly drops: Drops;
  readonly now: () => number;
}

/** A join of an id that is somebody's, for which the app demands a proof. */
const UNPROVED = { by: 'filter', reason: 'identity_proof', category: 'profile' } as const;

/** What a flush does besides storing documents, inside its last transaction. */
export function flushWrites({ profiles, sessions, feedback, drops, now }: WriteDeps) {
  return async (writes: readonly FlushWrite[], session: ClientSession): Promise<void> => {
    if (writes.length === 0) return;
    const of = <T extends FlushWrite['type']>(...types: readonly T[]) =>
      writes.filter((each): each is Extract<FlushWrite, { type: T }> => types.some((type) => type === each.type));
    const at = new Date(now());
    const notJoined = await profiles.write(of('identify', 'alias'), session);
    const unproved = notJoined.map(({ appId }) => ({ type: 'drop', appId, ...UNPROVED, count: 1, at }) as const);
    await sessions.write(of('session', 'sessions'), session, at);
    await feedback.write(of('feedback'), session);
    await drops.write([...of('drop'), ...unproved], session);
  };
}
