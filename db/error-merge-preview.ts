import type { Db, ObjectId } from 'mongodb';
import { type ErrorGroupProfileDoc, errorGroupProfilesSpec } from './error-group-profiles.js';
import { type ErrorGroupDoc, errorGroupsSpec } from './error-groups.js';

export interface MergePreview {
  readonly from: ErrorGroupDoc;
  readonly into: ErrorGroupDoc;
  /** Groups that `from` stands for, which go over too. */
  readonly comesAlong: number;
  readonly occurrenceCount: number;
  /** Between these; they are equal where it was few enough to count. */
  readonly affectedProfiles: { readonly atLeast: number; readonly atMost: number };
  readonly firstSeen: Date;
  readonly lastSeen: Date;
}

/** Profiles of the smaller group up to which those in both are counted. */
const COUNTED = 10_000;

/** What a merge would make of two groups, without making it. */
export function errorMergePreview(db: Db) {
  const groups = db.collection<ErrorGroupDoc>(errorGroupsSpec.name);
  const rows = db.collection<ErrorGroupProfileDoc>(errorGroupProfilesSpec.name);

  async function affected(a: ErrorGroupDoc, b: ErrorGroupDoc): Promise<MergePreview['affectedProfiles']> {
    const [few, many] = a.affectedProfiles < b.affectedProfiles ? [a, b] : [b, a];
    const atMost = few.affectedProfiles + many.affectedProfiles;
    if (few.affectedProfiles > COUNTED) return { atLeast: many.affectedProfiles, atMost };
    const own = await rows
      .find({ groupId: few._id }, { projection: { _id: 0, profileId: 1 } })
      .limit(COUNTED)
      .toArray();
    const profileId = { $in: own.map((row) => row.profileId) };
    const both = await rows.countDocuments({ groupId: many._id, profileId });
    return { atLeast: atMost - both, atMost: atMost - both };
  }

  return {
    /** Undefined where one of them is not in the app. */
    async preview(appId: ObjectId, fromId: ObjectId, intoId: ObjectId): Promise<MergePreview | undefined> {
      const found = await groups.find({ appId, _id: { $in: [fromId, intoId] } }).toArray();
      const from = found.find(({ _id }) => _id.equals(fromId));
      const into = found.find(({ _id }) => _id.equals(intoId));
      if (from === undefined || into === undefined) return undefined;
      return {
        from,
        into,
        comesAlong: await groups.countDocuments({ mergedInto: fromId }),
        occurrenceCount: from.occurrenceCount + into.occurrenceCount,
        affectedProfiles: await affected(from, into),
        firstSeen: from.firstSeen < into.firstSeen ? from.firstSeen : into.firstSeen,
        lastSeen: from.lastSeen > into.lastSeen ? from.lastSeen : into.lastSeen,
      };
    },
  };
}

export type ErrorMergePreview = ReturnType<typeof errorMergePreview>;
