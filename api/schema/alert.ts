import { type Static, Type } from '@fastify/type-provider-typebox';
import { type AlertChannelDoc, CHANNEL_KINDS, WEBHOOK_FORMATS } from '../../db/alert-channels.js';
import { type AlertRuleDoc, RULE_KINDS } from '../../db/alert-rules.js';
import { ALERT_CAUSES } from '../../db/alerts.js';
import { WINDOW_MINUTES, WINDOW_STEP_MINUTES } from '../../domain/alert-rules.js';
import { APP_SLUG } from '../../domain/app.js';
import { DAY_MS } from '../../domain/limits.js';
import { Id, iso, Name, NullableInstant } from './common.js';

const appId = Type.String({ pattern: APP_SLUG });
export const ChannelParams = Type.Object({ appId, channelId: Id });
export const RuleParams = Type.Object({ appId, ruleId: Id });

const Causes = Type.Array(Type.Enum([...ALERT_CAUSES]), { minItems: 1, maxItems: 10, uniqueItems: true });
const target = {
  url: Type.Optional(Type.String({ minLength: 1, maxLength: 2048 })),
  format: Type.Optional(Type.Enum([...WEBHOOK_FORMATS])),
  recipients: Type.Optional(
    Type.Array(Type.String({ format: 'email', maxLength: 254 }), { minItems: 1, maxItems: 20, uniqueItems: true }),
  ),
};

/** A webhook has a url and may have a format, an e-mail channel has recipients. */
export const CreateChannelRequest = Type.Object(
  {
    kind: Type.Enum([...CHANNEL_KINDS]),
    name: Name,
    ...target,
    /** Left out: all. */
    causes: Type.Optional(Causes),
    enabled: Type.Boolean({ default: true }),
  },
  { additionalProperties: false },
);

export const ChangeChannelRequest = Type.Object(
  { name: Type.Optional(Name), ...target, causes: Type.Optional(Causes), enabled: Type.Optional(Type.Boolean()) },
  { additionalProperties: false, minProperties: 1 },
);

export const RotateChannelSecretRequest = Type.Object(
  { overlapHours: Type.Integer({ minimum: 0, maximum: 24 * 30, default: 24 }) },
  { additionalProperties: false },
);

/** Stands for what is not shown of a URL. */
export const HIDDEN = '…';

const HEALTH = ['ok', 'failing', 'down', 'gone'] as const;
/** From then on a channel that fails is `down`: it is not switched off, somebody is to look. */
const DOWN_AFTER_MS = 3 * DAY_MS;

const channelFields = {
  channelId: Type.String(),
  kind: Type.Enum([...CHANNEL_KINDS]),
  name: Type.String(),
  /** Of a webhook where it leads, and no more: for Slack and its likes the rest is the secret. */
  url: Type.Union([Type.String(), Type.Null()]),
  format: Type.Enum([...WEBHOOK_FORMATS]),
  recipients: Type.Array(Type.String()),
  causes: Type.Array(Type.Enum([...ALERT_CAUSES])),
  enabled: Type.Boolean(),
  /** `failing`: its last attempt failed; `down`: all have for three days; `gone`: it answered 410 and was disabled. */
  health: Type.Enum([...HEALTH]),
  failingSince: NullableInstant,
  lastDeliveredAt: NullableInstant,
  /** Until when messages are signed with the secret before the newest one too. */
  previousSecretUntil: NullableInstant,
  createdAt: Type.String(),
};
export const ChannelView = Type.Object(channelFields);
export type ChannelView = Static<typeof ChannelView>;
export const ChannelsView = Type.Object({ channels: Type.Array(ChannelView) });
/** The answers that show the signing secret; null for an e-mail channel. */
export const ChannelWithSecretView = Type.Object({
  ...channelFields,
  secret: Type.Union([Type.String(), Type.Null()]),
});

function healthOf({ failingSince, goneAt }: AlertChannelDoc, nowMs: number): (typeof HEALTH)[number] {
  if (goneAt !== null) return 'gone';
  if (failingSince === null) return 'ok';
  return nowMs - failingSince.getTime() > DOWN_AFTER_MS ? 'down' : 'failing';
}

export const channelView = (doc: AlertChannelDoc, nowMs: number): ChannelView => ({
  channelId: doc._id.toHexString(),
  kind: doc.kind,
  name: doc.name,
  url: doc.url === null ? null : `${new URL(doc.url).origin}/${HIDDEN}`,
  format: doc.format,
  recipients: [...doc.recipients],
  causes: [...doc.causes],
  enabled: doc.enabled,
  health: healthOf(doc, nowMs),
  failingSince: iso(doc.failingSince),
  lastDeliveredAt: iso(doc.lastDeliveredAt),
  previousSecretUntil: iso(doc.secrets[1]?.expiresAt ?? null),
  createdAt: doc.createdAt.toISOString(),
});

const Minutes = Type.Integer({
  minimum: WINDOW_MINUTES.least,
  maximum: WINDOW_MINUTES.most,
  multipleOf: WINDOW_STEP_MINUTES,
});
const Count = Type.Integer({ minimum: 1, maximum: 1_000_000_000 });
/** More than `count` occurrences of a group in `minutes`. */
const Threshold = Type.Object({ count: Count, minutes: Minutes }, { additionalProperties: false });
/** More than `factor` times what the group itself usually has in `minutes`, and at least `floor`. */
const Spike = Type.Object(
  {
    factor: Type.Number({ minimum: 1.5, maximum: 1000 }),
    minutes: Minutes,
    floor: Type.Integer({ minimum: 1, maximum: 1_000_000_000, default: 20 }),
  },
  { additionalProperties: false },
);

/** Exactly one of `threshold` and `spike`. */
export const CreateRuleRequest = Type.Object(
  {
    name: Name,
    enabled: Type.Boolean({ default: true }),
    threshold: Type.Optional(Threshold),
    spike: Type.Optional(Spike),
  },
  { additionalProperties: false },
);

export const ChangeRuleRequest = Type.Object(
  {
    name: Type.Optional(Name),
    enabled: Type.Optional(Type.Boolean()),
    threshold: Type.Optional(Threshold),
    spike: Type.Optional(Spike),
  },
  { additionalProperties: false, minProperties: 1 },
);

export const RuleView = Type.Object({
  ruleId: Type.String(),
  kind: Type.Enum([...RULE_KINDS]),
  name: Type.String(),
  enabled: Type.Boolean(),
  threshold: Type.Optional(Threshold),
  spike: Type.Optional(Spike),
  createdAt: Type.String(),
});
export type RuleView = Static<typeof RuleView>;
export const RulesView = Type.Object({ rules: Type.Array(RuleView) });

export const ruleView = ({ minutes, count = 0, factor = 0, floor = 0, ...doc }: AlertRuleDoc): RuleView => ({
  ruleId: doc._id.toHexString(),
  kind: doc.kind,
  name: doc.name,
  enabled: doc.enabled,
  ...(doc.kind === 'threshold' ? { threshold: { count, minutes } } : { spike: { factor, minutes, floor } }),
  createdAt: doc.createdAt.toISOString(),
});
