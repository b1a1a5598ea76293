import { type Json, lookup } from '../../domain/loose.js';
import type { AppKey } from '../auth.js';
import { vouching } from '../identity-proof.js';
import type { Answer, FlagAnswers } from './answers.js';
import type { GivenAttributes } from './given-attributes.js';
import type { RolloutWatch } from './rollout-watch.js';
import type { NoteServed } from './served.js';

interface Deps {
  readonly answers: FlagAnswers;
  readonly noteServed: NoteServed;
  readonly rolloutWatch: Pick<RolloutWatch, 'note'>;
  readonly storeGiven: GivenAttributes['store'];
  readonly secretKey: string;
  readonly now: () => number;
}

export interface Question {
  /** Undefined: about nobody. */
  readonly externalId: string | undefined;
  readonly given: Json;
  readonly proof: string | undefined;
  readonly atLeast: number;
}

/** What the routes that answer for flags have in common, whatever protocol they speak. */
export function flagServing(deps: Deps) {
  const { answers, noteServed, rolloutWatch, storeGiven, secretKey, now } = deps;

  const vouchedBy = vouching({ secretKey, now });

  return {
    /** @throws PlatformError UNAVAILABLE */
    async answer(sender: AppKey, { externalId, given, proof, atLeast }: Question): Promise<Answer> {
      const vouched = externalId === undefined ? undefined : vouchedBy(sender, externalId, proof);
      const trusted = vouched?.mayState ?? true;
      const answer = await answers.of({ app: sender.app, externalId, given, trusted, atLeast });
      if (!trusted || externalId === undefined) return answer;
      const { storeGivenAttributes } = sender.app.config.flags;
      // A server asks for visitors too whom nobody knows.
      const identifies = sender.kind === 'client' && vouched?.isProved === true;
      if (storeGivenAttributes || identifies) {
        const attributes = storeGivenAttributes ? given : {};
        storeGiven(sender, { externalId, attributes, stored: answer.profile?.attributes ?? {}, identifies });
      }
      return answer;
    },

    /** That this answer, or that it is still the same, is what somebody goes by. */
    noteAll({ app }: AppKey, answer: Answer): void {
      const { compiled, set, targetingKey } = answer;
      rolloutWatch.note(app, answer);
      noteServed.set(app, compiled, targetingKey, set);
    },

    noteOne({ app }: AppKey, answer: Answer, flagKey: string): void {
      const { compiled, set, targetingKey } = answer;
      rolloutWatch.note(app, answer, flagKey);
      const flag = compiled.flags.get(flagKey);
      const evaluation = {
        reason: 'STATIC',
        ...lookup(set.reasons, flagKey),
        value: lookup(set.flags, flagKey),
        version: flag?.version ?? 0,
      } as const;
      noteServed.flag(app, compiled, targetingKey, flagKey, evaluation);
    },
  };
}

export type FlagServing = ReturnType<typeof flagServing>;
