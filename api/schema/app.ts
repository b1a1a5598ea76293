import { type Static, Type } from '@fastify/type-provider-typebox';
import type { App } from '../../db/apps.js';
import { APP_SLUG, MAX_EVENTS_PER_DAY, RETENTION_DAYS } from '../../domain/app.js';
import { iso, Name, Next, NullableInstant } from './common.js';
import { CreatedKeyView } from './key.js';

const Slug = Type.String({ pattern: APP_SLUG });
const RetentionDays = Type.Integer({ minimum: RETENTION_DAYS.least, maximum: RETENTION_DAYS.most });

const Config = Type.Object(
  {
    eventRetentionDays: RetentionDays,
    heatmapRetentionDays: RetentionDays,
    maxEventsPerDay: Type.Integer({ minimum: MAX_EVENTS_PER_DAY.least, maximum: MAX_EVENTS_PER_DAY.most }),
    identityProof: Type.Boolean(),
  },
  { additionalProperties: false },
);

const ConfigChange = Type.Partial(Config, { additionalProperties: false });

export const AppParams = Type.Object({ appId: Slug });

export const RegisterAppRequest = Type.Object(
  { appId: Slug, name: Name, config: Type.Optional(ConfigChange) },
  { additionalProperties: false },
);

export const ChangeAppRequest = Type.Object(
  { name: Type.Optional(Name), config: Type.Optional(ConfigChange) },
  { additionalProperties: false, minProperties: 1 },
);

export const AppView = Type.Object({
  appId: Type.String(),
  name: Type.String(),
  dsnId: Type.Integer(),
  config: Config,
  createdAt: Type.String(),
});
export type AppView = Static<typeof AppView>;

export const RegisteredAppView = Type.Object({ app: AppView, clientKey: CreatedKeyView });
export const AppsView = Type.Object({ apps: Type.Array(AppView), next: Next });

/** How long the one before stays valid, so that what is in use can follow. */
const OverlapHours = Type.Integer({ minimum: 0, maximum: 24 * 365, default: 24 });

export const RotateIdentityRequest = Type.Object({ overlapHours: OverlapHours }, { additionalProperties: false });

export const IdentitySecretView = Type.Object({
  appId: Type.String(),
  secret: Type.String(),
  version: Type.Integer(),
  previousUntil: NullableInstant,
});

export const appView = ({ appId, name, dsnId, config, createdAt }: App): AppView => ({
  appId,
  name,
  dsnId,
  config,
  createdAt: iso(createdAt) ?? '',
});
