import { Type } from '@fastify/type-provider-typebox';
import { FLAG_LIMITS } from '../../domain/flag-limits.js';
import { ExportedFlagView, ImportedFlag, Note } from './flag.js';
import { PlainSegmentView, SegmentRequest } from './flag-segment.js';

/** The first of its kind; a file that says another is not understood. */
export const FLAG_FORMAT = 'experience-flags/1';

export const ImportFlagsRequest = Type.Object(
  {
    format: Type.Optional(Type.Literal(FLAG_FORMAT)),
    /** Of an export: where it comes from does not matter. */
    app: Type.Optional(Type.String({ maxLength: 100 })),
    version: Type.Optional(Type.Integer()),
    flags: Type.Array(ImportedFlag, { maxItems: FLAG_LIMITS.flags, default: [] }),
    segments: Type.Array(SegmentRequest, { maxItems: FLAG_LIMITS.segments, default: [] }),
    note: Type.Optional(Note),
  },
  { additionalProperties: false },
);

export const ImportReportView = Type.Object({
  version: Type.Integer({ description: "the app's, now" }),
  created: Type.Integer(),
  changed: Type.Integer(),
  unchanged: Type.Integer(),
});

export const FlagExportView = Type.Object({
  format: Type.Literal(FLAG_FORMAT),
  app: Type.String(),
  version: Type.Integer(),
  flags: Type.Array(ExportedFlagView),
  segments: Type.Array(PlainSegmentView),
});
