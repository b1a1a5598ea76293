import type { ErrorCode } from '../domain/errors.js';
import type { ErrorStatus } from '../domain/error-status.js';
import type { ErrorGroupDoc, ResolutionDoc } from './error-groups.js';

/** What a verb is about: a group as it stands, as plain JSON. */
export interface GroupState {
  readonly groupId: string;
  readonly status: ErrorStatus;
  readonly statusRev: number;
  readonly assignee: string | null;
  /** The group that stands for this one. */
  readonly mergedInto: string | null;
  /** Whether rows of profiles are still on their way, so that `affectedProfiles` is not final. */
  readonly merging: boolean;
  readonly resolution: {
    readonly kind: ResolutionDoc['kind'];
    readonly release: string | null;
    readonly at: string;
    readonly by: string | null;
  } | null;
  readonly ignore: {
    readonly until: string | null;
    readonly occurrences: number | null;
    readonly profiles: number | null;
    readonly window: { readonly count: number; readonly minutes: number } | null;
  } | null;
  readonly regressedAt: string | null;
  readonly verifiedAt: string | null;
  readonly occurrenceCount: number;
  readonly affectedProfiles: number;
}

export type VerbOutcome =
  | {
      readonly outcome: 'done';
      /** False: all was as it should be already. */
      readonly changed: boolean;
      readonly state: GroupState;
      /** Groups around which rows of profiles have to be moved now. */
      readonly moves: readonly string[];
    }
  | {
      readonly outcome: 'refused';
      readonly code: ErrorCode;
      readonly reason: string;
      readonly survivor: string | null;
    };

export const refused = (code: ErrorCode, reason: string, survivor: string | null = null): VerbOutcome => ({
  outcome: 'refused',
  code,
  reason,
  survivor,
});

export const stateOf = (group: ErrorGroupDoc): GroupState => ({
  groupId: group._id.toHexString(),
  status: group.status,
  statusRev: group.statusRev,
  assignee: group.assignee?.toHexString() ?? null,
  mergedInto: group.mergedInto?.toHexString() ?? null,
  merging: group.profileMove !== undefined,
  resolution: group.resolution && {
    kind: group.resolution.kind,
    release: group.resolution.release,
    at: group.resolution.at.toISOString(),
    by: group.resolution.by?.toHexString() ?? null,
  },
  ignore: group.ignore && { ...group.ignore, until: group.ignore.until?.toISOString() ?? null },
  regressedAt: group.regressedAt?.toISOString() ?? null,
  verifiedAt: group.verifiedAt?.toISOString() ?? null,
  occurrenceCount: group.occurrenceCount,
  affectedProfiles: group.affectedProfiles,
});
