import type { ObjectId } from 'mongodb';
import type { FlagIntent, FlagIntents, Foreseen } from '../../db/flag-intents.js';
import { type Members, rightsOf } from '../../db/members.js';
import { PlatformError } from '../../domain/errors.js';
import { roleIn } from '../../domain/member.js';
import { type IntentRequest, intentFrom, ownerIn } from '../schema/flag-intent.js';

interface Deps {
  readonly flagIntents: FlagIntents;
  readonly members: Pick<Members, 'find'>;
}

/** What somebody means to change, and what that would make of the definitions as they are. */
export function foreseen({ flagIntents, members }: Deps) {
  /** @throws as the change itself does */
  return async (
    appId: ObjectId,
    given: IntentRequest,
  ): Promise<{ readonly intent: FlagIntent; readonly foreseen: Foreseen }> => {
    const intent = intentFrom(given);
    const owner = ownerIn(intent);
    if (owner !== null) {
      const member = await members.find(owner);
      if (member === undefined || roleIn(rightsOf(member), appId.toHexString()) === undefined)
        throw new PlatformError('REQUEST_INVALID', `owner ${owner.toHexString()} is no member of this app`);
    }
    return { intent, foreseen: await flagIntents.foresee(appId, intent) };
  };
}
