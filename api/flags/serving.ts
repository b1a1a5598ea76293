import type { FastifyRequest } from 'fastify';
import { type Json, lookup } from '../../domain/loose.js';
import type { AppKey, AppKeyAuth } from '../auth.js';
import { verifyIdentityProof } from '../identity-proof.js';
import { burstLimit } from '../ingest/burst.js';
import type { Answer, FlagAnswers } from './answers.js';
import type { GivenAttributes } from './given-attributes.js';
import type { RolloutWatch } from './rollout-watch.js';
import type { NoteServed } from './served.js';

interface Deps {
  readonly auth: AppKeyAuth;
  readonly answers: FlagAnswers;
  readonly noteServed: NoteServed;
  readonly rolloutWatch: Pick<RolloutWatch, 'note'>;
  readonly storeGiven: GivenAttributes['store'];
  readonly secretKey: string;
  readonly requestsPerSecondPerKey: number;
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
  const { auth, answers, noteServed, rolloutWatch, storeGiven, secretKey, now } = deps;
  const burst = burstLimit(deps.requestsPerSecondPerKey);

  const isTrusted = ({ app, kind }: AppKey, profileId: string, proof: string | undefined): boolean =>
    kind === 'server' ||
    !app.config.identityProof ||
    verifyIdentityProof({ secretKey, app, profileId, proof, now: now() });

  return {
    /** @throws PlatformError UNAUTHENTICATED, ORIGIN_NOT_ALLOWED, RATE_LIMITED, UNAVAILABLE */
    async admit(request: FastifyRequest): Promise<AppKey> {
      const found = auth.authenticate(request);
      const sender = found instanceof Promise ? await found : found;
      burst.check(sender.keyId);
      return sender;
    },

    /** For protocols that put the key into the body. @throws as `admit` */
    async admitKey(key: string | undefined, origin: string | undefined): Promise<AppKey> {
      const sender = await auth.authenticateKey(key, origin);
      burst.check(sender.keyId);
      return sender;
    },

    /** @throws PlatformError UNAVAILABLE */
    async answer(sender: AppKey, { externalId, given, proof, atLeast }: Question): Promise<Answer> {
      const trusted = externalId === undefined || isTrusted(sender, externalId, proof);
      const answer = await answers.of({ app: sender.app, externalId, given, trusted, atLeast });
      if (sender.app.config.flags.storeGivenAttributes && trusted && externalId !== undefined)
        storeGiven(sender, { externalId, attributes: given, stored: answer.profile?.attributes ?? {} });
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
