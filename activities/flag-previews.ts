import { setImmediate as pause } from 'node:timers/promises';
import { cancellationSignal, heartbeat } from '@temporalio/activity';
import type { ObjectId } from 'mongodb';
import type { FlagDefinitions } from '../db/flag-definitions.js';
import type { FlagPreviewDoc, FlagPreviews } from '../db/flag-previews.js';
import { BEFORE_ALL, type FlagProfiles, type WalkedProfile } from '../db/flag-profiles.js';
import { idFromHex } from '../db/ids.js';
import { addRadius, blastRadius, type BlastRadius, NO_IMPACT } from '../domain/blast-radius.js';
import { changedKeys } from '../domain/changed-flags.js';
import type { Definitions } from '../domain/flag.js';
import { compileFlags } from '../domain/flag-evaluation.js';
import { type FlagProposal, withProposal } from '../domain/flag-proposal.js';

export interface PreviewInput {
  /** Hex. */
  readonly previewId: string;
  /** ISO 8601, taken in the workflow. */
  readonly now: string;
}

export interface EndPreviewInput extends PreviewInput {
  readonly state: 'done' | 'failed' | 'cancelled';
  readonly failure?: string;
}

/** `busy`: another preview of the app runs. `gone`: there is nothing to be done any more. */
export type PreviewTurn = 'begun' | 'busy' | 'gone';

export interface PreviewDeps {
  readonly flagPreviews: Omit<FlagPreviews, 'insert' | 'remove' | 'page' | 'open'>;
  readonly flagProfiles: Pick<FlagProfiles, 'walk'>;
  readonly flagDefinitions: Pick<FlagDefinitions, 'read'>;
}

const CHUNK = 1_000;
/** Evaluations after which others have their turn. */
const BREATH = 20_000;
const DEAD_MS = 10 * 60_000;
const NAME_CHARACTERS = 128;

export function flagPreviewActivities({ flagPreviews, flagProfiles, flagDefinitions }: PreviewDeps) {
  /** What this attempt goes on with. Definitions that have changed since an earlier one began make it begin anew. */
  async function start(preview: FlagPreviewDoc, definitions: Definitions) {
    const { _id, appId, baseVersion, cursor, radius } = preview;
    if (baseVersion === definitions.version) return { cursor, radius };
    await flagPreviews.restart(_id, definitions.version, await flagPreviews.countProfiles(appId), NO_IMPACT);
    return { cursor: null, radius: NO_IMPACT };
  }

  function comparison(definitions: Definitions, proposal: FlagProposal) {
    const proposed = withProposal(definitions, proposal);
    const keys = changedKeys(definitions, proposed);
    const [before, after] = [compileFlags(definitions), compileFlags(proposed)];
    const breathEvery = Math.max(1, Math.floor(BREATH / (2 * Math.max(1, keys.length))));

    return async (walked: readonly WalkedProfile[]): Promise<BlastRadius> => {
      const part = blastRadius(before, after, keys);
      // Another name of somebody who is counted by their own.
      const people = walked.filter(({ aliasOf }) => aliasOf === undefined);
      for (const [index, { externalId, attributes }] of people.entries()) {
        part.add({ name: shown(externalId), context: { targetingKey: externalId, attributes } });
        if ((index + 1) % breathEvery === 0) await pause();
      }
      return part.result();
    };
  }

  return {
    /** Idempotent. */
    async beginPreview({ previewId, now }: PreviewInput): Promise<PreviewTurn> {
      const at = new Date(now);
      const preview = await flagPreviews.find(idFromHex(previewId));
      if (preview === undefined || preview.endedAt !== null) return 'gone';
      await flagPreviews.failDead(preview.appId, new Date(at.getTime() - DEAD_MS), at);
      return (await flagPreviews.begin(preview._id, at)) ? 'begun' : 'busy';
    },

    /**
     * Looks at all profiles, range by range; how far it is stands in the preview, so a retry goes on from there.
     * Answers how many there were; undefined where it was ended meanwhile.
     */
    async walkPreview({ previewId }: PreviewInput): Promise<number | undefined> {
      const preview = await flagPreviews.find(idFromHex(previewId));
      if (preview?.state !== 'running') return undefined;
      const { _id, appId } = preview;
      const definitions = await flagDefinitions.read(appId);
      const compare = comparison(definitions, JSON.parse(preview.proposal) as FlagProposal);
      const signal = cancellationSignal();
      let { cursor, radius }: { cursor: ObjectId | null; radius: BlastRadius } = await start(preview, definitions);
      for (;;) {
        signal.throwIfAborted();
        heartbeat(radius.profiles);
        const range = { appId, after: cursor ?? BEFORE_ALL, upTo: undefined };
        const { profiles: walked, next } = await flagProfiles.walk(range, CHUNK);
        const last = walked.at(-1)?.profileId;
        if (last === undefined) return radius.profiles;
        const sum = addRadius(radius, await compare(walked));
        if (!(await flagPreviews.advance(_id, cursor, { cursor: last, radius: sum }, new Date()))) {
          if ((await flagPreviews.find(_id))?.state !== 'running') return undefined;
          throw new Error('an earlier attempt was still at work');
        }
        [cursor, radius] = [last, sum];
        if (next === undefined) return radius.profiles;
      }
    },

    /** Idempotent. */
    async endPreview({ previewId, now, state, failure }: EndPreviewInput): Promise<void> {
      await flagPreviews.end(idFromHex(previewId), state, failure ?? null, new Date(now));
    },
  };
}

const shown = (name: string): string =>
  name.length > NAME_CHARACTERS ? `${name.slice(0, NAME_CHARACTERS - 1).toWellFormed()}…` : name;

export type FlagPreviewActivities = ReturnType<typeof flagPreviewActivities>;
