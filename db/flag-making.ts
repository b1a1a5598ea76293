import type { ChangedBy } from './flag-commit.js';
import type { FlagChanges } from './flag-changes.js';
import type { flagImport } from './flag-import.js';
import { intentOf } from './flag-intents.js';
import { type FlagRequestDoc, requestNote } from './flag-requests.js';
import type { FlagSegmentChanges } from './flag-segment-changes.js';

interface Deps {
  readonly flagChanges: FlagChanges;
  readonly flagSegmentChanges: FlagSegmentChanges;
  readonly importFlags: ReturnType<typeof flagImport>;
}

/**
 * Makes the change that a request asks for, as who asked for it, if what it is a change of is still as it was.
 * @throws PlatformError as the change itself does
 */
export function flagMaking({ flagChanges, flagSegmentChanges, importFlags }: Deps) {
  return async (request: FlagRequestDoc): Promise<void> => {
    const { appId, app, requestedBy, requestedByName, baseVersion } = request;
    const actor = { kind: 'member', id: requestedBy, name: requestedByName } as const;
    const by: ChangedBy = { actor, appId, app, note: requestNote(request) };
    const target = { ...by, ifVersion: baseVersion ?? undefined };
    const intent = intentOf(request.intent);
    switch (intent.kind) {
      case 'create':
        await flagChanges.create({ ...by, flag: intent.flag });
        return;
      case 'change':
        await flagChanges.change({ ...target, flagKey: intent.flagKey, change: intent.change });
        return;
      case 'revert':
        await flagChanges.revert({ ...target, flagKey: intent.flagKey, version: intent.version });
        return;
      case 'archive':
      case 'restore':
      case 'revive':
        await flagChanges[intent.kind]({ ...target, flagKey: intent.flagKey });
        return;
      case 'segment-create':
        await flagSegmentChanges.create({ ...by, segment: { key: intent.segmentKey, ...intent.content } });
        return;
      case 'segment-change':
        await flagSegmentChanges.change({ ...target, segmentKey: intent.segmentKey, change: intent.change });
        return;
      case 'segment-remove':
        await flagSegmentChanges.remove({ ...target, segmentKey: intent.segmentKey });
        return;
      case 'import':
        await importFlags({ ...target, flags: intent.flags, segments: intent.segments });
    }
  };
}

export type FlagMaking = ReturnType<typeof flagMaking>;
