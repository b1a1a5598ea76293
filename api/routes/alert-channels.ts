import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { AlertChannelChanges } from '../../db/alert-channel-changes.js';
import type { AlertChannels, ChannelKind } from '../../db/alert-channels.js';
import { newWebhookSecret } from '../../db/alert-secrets.js';
import { ALERT_CAUSES } from '../../db/alerts.js';
import { PlatformError } from '../../domain/errors.js';
import { HOUR_MS } from '../../domain/limits.js';
import { addressInHost, isPublicAddress } from '../../domain/public-address.js';
import type { Guard } from '../access.js';
import { actorOf } from '../auth-member.js';
import {
  ChangeChannelRequest,
  ChannelParams,
  ChannelsView,
  channelView,
  ChannelView,
  ChannelWithSecretView,
  CreateChannelRequest,
  HIDDEN,
  RotateChannelSecretRequest,
} from '../schema/alert.js';
import { AppParams } from '../schema/app.js';
import { objectId } from '../schema/common.js';

/** What this instance can do; the worker, which does it, has the same settings. */
export interface AlertAbilities {
  readonly mail: boolean;
  readonly webhookAllowPrivate: boolean;
}

interface Deps {
  readonly guard: Guard;
  readonly alertChannels: Pick<AlertChannels, 'ofApp' | 'find'>;
  readonly alertChannelChanges: AlertChannelChanges;
  readonly abilities: AlertAbilities;
}

const tags = ['alerts'];

const invalid = (why: string) => new PlatformError('REQUEST_INVALID', why);

/** What a name resolves to is looked at with each delivery; here only what can be seen. */
function webhookUrl(text: string, allowPrivate: boolean): string {
  if (text.includes(HIDDEN)) throw invalid('url is as it is shown, not as it is: leave it out to keep it');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) throw invalid('url must be an http(s) URL');
  if (url.username !== '' || url.password !== '') throw invalid('url must not have a user or password in it');
  const address = addressInHost(url.hostname);
  if (address !== undefined && !allowPrivate && !isPublicAddress(address)) {
    throw invalid(`${address} is not on the public internet; WEBHOOK_ALLOW_PRIVATE=true would allow it`);
  }
  return url.href;
}

interface Target {
  readonly url?: string;
  readonly format?: unknown;
  readonly recipients?: readonly string[];
}

function mustFit(kind: ChannelKind, { url, format, recipients }: Target, { mail }: AlertAbilities): void {
  if (kind === 'webhook' && recipients !== undefined) throw invalid('a webhook has a url and no recipients');
  if (kind === 'webhook') return;
  if (url !== undefined || format !== undefined) throw invalid('an e-mail channel has recipients and no url');
  if (!mail) throw invalid('this instance has no SMTP server: set SMTP_URL and SMTP_FROM');
}

export function alertChannelRoutes(deps: Deps): FastifyPluginAsyncTypebox {
  const { guard, alertChannels, alertChannelChanges, abilities } = deps;
  return async (app) => {
    app.post(
      '/v1/apps/:appId/alert-channels',
      {
        ...guard.inApp('alerts:write'),
        schema: {
          tags,
          summary: 'Create an alert channel; the answer is the only one that shows its signing secret',
          params: AppParams,
          body: CreateChannelRequest,
          response: { 201: ChannelWithSecretView },
        },
      },
      async (request, reply) => {
        const { member, app: owner } = guard.appOf(request);
        const {
          kind,
          name,
          url,
          format = 'standard',
          recipients = [],
          causes = [...ALERT_CAUSES],
          enabled,
        } = request.body;
        mustFit(kind, request.body, abilities);
        if (kind === 'webhook' && url === undefined) throw invalid('a webhook needs a url');
        if (kind === 'email' && recipients.length === 0) throw invalid('an e-mail channel needs recipients');
        const secret = kind === 'webhook' ? newWebhookSecret() : null;
        const doc = await alertChannelChanges.create({
          actor: actorOf(member),
          appId: owner.id,
          url: url === undefined ? null : webhookUrl(url, abilities.webhookAllowPrivate),
          ...{ kind, name, format, recipients, causes, enabled, secret },
        });
        return reply.code(201).send({ ...channelView(doc, Date.now()), secret });
      },
    );

    app.get(
      '/v1/apps/:appId/alert-channels',
      { ...guard.inApp('alerts:read'), schema: { tags, params: AppParams, response: { 200: ChannelsView } } },
      async (request) => {
        const docs = await alertChannels.ofApp(guard.appOf(request).app.id);
        return { channels: docs.map((doc) => channelView(doc, Date.now())) };
      },
    );

    app.patch(
      '/v1/apps/:appId/alert-channels/:channelId',
      {
        ...guard.inApp('alerts:write'),
        schema: { tags, params: ChannelParams, body: ChangeChannelRequest, response: { 200: ChannelView } },
      },
      async (request) => {
        const { member, app: owner } = guard.appOf(request);
        const channelId = objectId(request.params.channelId);
        const { url, ...rest } = request.body;
        const before = await alertChannels.find(channelId);
        if (before?.appId.equals(owner.id) === true) mustFit(before.kind, request.body, abilities);
        const change = {
          ...rest,
          ...(url !== undefined && { url: webhookUrl(url, abilities.webhookAllowPrivate) }),
        };
        const input = { actor: actorOf(member), appId: owner.id, channelId, change };
        return channelView(await alertChannelChanges.change(input), Date.now());
      },
    );

    app.post(
      '/v1/apps/:appId/alert-channels/:channelId/rotate-secret',
      {
        ...guard.inApp('alerts:write'),
        schema: {
          tags,
          summary: 'A new signing secret; until the overlap is over, messages are signed with both',
          params: ChannelParams,
          body: RotateChannelSecretRequest,
          response: { 200: ChannelWithSecretView },
        },
      },
      async (request) => {
        const { member, app: owner } = guard.appOf(request);
        const secret = newWebhookSecret();
        const doc = await alertChannelChanges.rotateSecret({
          actor: actorOf(member),
          appId: owner.id,
          channelId: objectId(request.params.channelId),
          secret,
          overlapMs: request.body.overlapHours * HOUR_MS,
        });
        return { ...channelView(doc, Date.now()), secret };
      },
    );

    app.delete(
      '/v1/apps/:appId/alert-channels/:channelId',
      {
        ...guard.inApp('alerts:write'),
        schema: { tags, params: ChannelParams, response: { 204: Type.Null() } },
      },
      async (request, reply) => {
        const { member, app: owner } = guard.appOf(request);
        const channelId = objectId(request.params.channelId);
        await alertChannelChanges.remove({ actor: actorOf(member), appId: owner.id, channelId });
        return reply.code(204).send(null);
      },
    );
  };
}
