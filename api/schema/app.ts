import { type Static, Type } from '@fastify/type-provider-typebox';
import type { App } from '../../db/apps.js';
import { APP_SLUG, MAX_EVENTS_PER_DAY, RETENTION_DAYS, STALE_AFTER_DAYS } from '../../domain/app.js';
import { PlatformError } from '../../domain/errors.js';
import { patternFault } from '../../domain/pattern.js';
import { iso, Name, Next, NullableInstant } from './common.js';
import { ErrorConfigChange, ErrorConfigView } from './error-config.js';
import { CreatedKeyView } from './key.js';

const Slug = Type.String({ pattern: APP_SLUG });
const RetentionDays = Type.Integer({ minimum: RETENTION_DAYS.least, maximum: RETENTION_DAYS.most });

const MaxPerDay = Type.Integer({ minimum: MAX_EVENTS_PER_DAY.least, maximum: MAX_EVENTS_PER_DAY.most });

const SETTINGS = {
  eventRetentionDays: RetentionDays,
  heatmapRetentionDays: RetentionDays,
  maxEventsPerDay: MaxPerDay,
  maxSessionsPerDay: MaxPerDay,
  maxFeedbackPerDay: MaxPerDay,
  identityProof: Type.Boolean(),
};

const FLAGS = {
  storeGivenAttributes: Type.Boolean({ description: 'keep the attributes that come with a question about flags' }),
  approval: Type.Boolean({ description: 'a change of flags needs a second person' }),
  staleAfterDays: Type.Integer({
    minimum: STALE_AFTER_DAYS.least,
    maximum: STALE_AFTER_DAYS.most,
    description: 'days unread, or at 100 %, that make a flag stale; 0: never',
  }),
};

const Config = Type.Object({ ...SETTINGS, errors: ErrorConfigView, flags: Type.Object(FLAGS) });

const ConfigChange = Type.Partial(
  Type.Object({
    ...SETTINGS,
    errors: ErrorConfigChange,
    flags: Type.Partial(Type.Object(FLAGS), { additionalProperties: false }),
  }),
  { additionalProperties: false },
);
export type ConfigChange = Static<typeof ConfigChange>;

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

/** @throws REQUEST_INVALID for patterns that cannot be used. */
export function soundConfig(config: ConfigChange | undefined): ConfigChange | undefined {
  const fault = patternFault(config?.errors?.scrub?.patterns ?? []);
  if (fault !== undefined) throw new PlatformError('REQUEST_INVALID', `config.errors.scrub.patterns: ${fault}`);
  return config;
}

export const appView = ({ appId, name, dsnId, config, createdAt }: App): AppView => ({
  appId,
  name,
  dsnId,
  config,
  createdAt: iso(createdAt) ?? '',
});
