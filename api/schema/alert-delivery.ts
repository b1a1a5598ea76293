import { type Static, Type } from '@fastify/type-provider-typebox';
import {
  type AlertDeliveryDoc,
  type AttemptDoc,
  DELIVERY_STATES,
  type ListedDelivery,
} from '../../db/alert-deliveries.js';
import { ALERT_CAUSES } from '../../db/alerts.js';
import { APP_SLUG } from '../../domain/app.js';
import { Id, iso, Next, NullableInstant, PageQuery } from './common.js';

export const DeliveryParams = Type.Object({ appId: Type.String({ pattern: APP_SLUG }), deliveryId: Id });

export const DeliveriesQuery = Type.Object(
  {
    ...PageQuery.properties,
    channelId: Type.Optional(Id),
    state: Type.Optional(Type.Enum([...DELIVERY_STATES])),
  },
  { additionalProperties: false },
);

const NullableText = Type.Union([Type.String(), Type.Null()]);

const AttemptView = Type.Object({
  at: Type.String(),
  ms: Type.Number(),
  /** What the HTTP or SMTP server answered; null where it did not come to that. */
  status: Type.Union([Type.Integer(), Type.Null()]),
  answer: Type.String(),
  failure: NullableText,
});
type AttemptView = Static<typeof AttemptView>;

const deliveryFields = {
  deliveryId: Type.String(),
  channelId: Type.String(),
  alertId: Type.String(),
  /** What the alert is about: one of the two is null. */
  groupId: NullableText,
  flagKey: NullableText,
  cause: Type.Enum([...ALERT_CAUSES]),
  /** `suppressed`: the channel had its fill for that hour; replay it to have it sent. */
  state: Type.Enum([...DELIVERY_STATES]),
  createdAt: Type.String(),
  finishedAt: NullableInstant,
  failure: NullableText,
  attemptCount: Type.Integer(),
  lastAttempt: Type.Union([AttemptView, Type.Null()]),
};

export const DeliveryView = Type.Object(deliveryFields);
export type DeliveryView = Static<typeof DeliveryView>;
export const DeliveriesView = Type.Object({ deliveries: Type.Array(DeliveryView), next: Next });

/** With the last 50 attempts, and what was sent. */
export const DeliveryDetailView = Type.Object({
  ...deliveryFields,
  attempts: Type.Array(AttemptView),
  message: Type.Unknown(),
});

export const ReplayView = Type.Object({ deliveryId: Type.String(), workflowId: Type.String() });

const attemptView = ({ at, ...rest }: AttemptDoc): AttemptView => ({ at: at.toISOString(), ...rest });

export function deliveryView(doc: ListedDelivery): DeliveryView {
  const last = doc.attempts.at(-1);
  return {
    deliveryId: doc._id.toHexString(),
    channelId: doc.channelId.toHexString(),
    alertId: doc.alertId,
    groupId: doc.groupId?.toHexString() ?? null,
    flagKey: doc.flagKey ?? null,
    cause: doc.cause,
    state: doc.state,
    createdAt: doc.createdAt.toISOString(),
    finishedAt: iso(doc.finishedAt),
    failure: doc.failure,
    attemptCount: doc.attemptCount,
    lastAttempt: last === undefined ? null : attemptView(last),
  };
}

export const deliveryDetailView = (doc: AlertDeliveryDoc) => ({
  ...deliveryView(doc),
  attempts: doc.attempts.map(attemptView),
  message: doc.message === null ? null : (JSON.parse(doc.message) as unknown),
});
