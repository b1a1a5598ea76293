import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { AlertRuleChanges } from '../../db/alert-rule-changes.js';
import type { AlertRules } from '../../db/alert-rules.js';
import { PlatformError } from '../../domain/errors.js';
import type { AlertRule, SpikeRule, ThresholdRule } from '../../domain/alert-rules.js';
import type { Guard } from '../access.js';
import { actorOf } from '../auth-member.js';
import { ChangeRuleRequest, CreateRuleRequest, RuleParams, RulesView, ruleView, RuleView } from '../schema/alert.js';
import { AppParams } from '../schema/app.js';
import { objectId } from '../schema/common.js';

interface Deps {
  readonly guard: Guard;
  readonly alertRules: Pick<AlertRules, 'ofApp'>;
  readonly alertRuleChanges: AlertRuleChanges;
}

interface Given {
  readonly threshold?: Omit<ThresholdRule, 'kind'>;
  readonly spike?: Omit<SpikeRule, 'kind'>;
}

const tags = ['alerts'];
const invalid = () => new PlatformError('REQUEST_INVALID', 'a rule is either a threshold or a spike');

function ruleIn({ threshold, spike }: Given): AlertRule | undefined {
  if (threshold !== undefined && spike !== undefined) throw invalid();
  if (threshold !== undefined) return { kind: 'threshold', ...threshold };
  return spike === undefined ? undefined : { kind: 'spike', ...spike };
}

export function alertRuleRoutes({ guard, alertRules, alertRuleChanges }: Deps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/v1/apps/:appId/alert-rules',
      {
        ...guard.inApp('alerts:write'),
        schema: {
          tags,
          summary: 'Alert of groups with too many occurrences: more than a number, or than what they usually have',
          params: AppParams,
          body: CreateRuleRequest,
          response: { 201: RuleView },
        },
      },
      async (request, reply) => {
        const { member, app: owner } = guard.appOf(request);
        const { name, enabled } = request.body;
        const rule = ruleIn(request.body);
        if (rule === undefined) throw invalid();
        const input = { actor: actorOf(member), appId: owner.id, name, enabled, rule };
        return reply.code(201).send(ruleView(await alertRuleChanges.create(input)));
      },
    );

    app.get(
      '/v1/apps/:appId/alert-rules',
      { ...guard.inApp('alerts:read'), schema: { tags, params: AppParams, response: { 200: RulesView } } },
      async (request) => ({ rules: (await alertRules.ofApp(guard.appOf(request).app.id)).map(ruleView) }),
    );

    app.patch(
      '/v1/apps/:appId/alert-rules/:ruleId',
      {
        ...guard.inApp('alerts:write'),
        schema: { tags, params: RuleParams, body: ChangeRuleRequest, response: { 200: RuleView } },
      },
      async (request) => {
        const { member, app: owner } = guard.appOf(request);
        const { name, enabled } = request.body;
        const ruleId = objectId(request.params.ruleId);
        const rule = ruleIn(request.body);
        const input = { actor: actorOf(member), appId: owner.id, ruleId, name, enabled, rule };
        return ruleView(await alertRuleChanges.change(input));
      },
    );

    app.delete(
      '/v1/apps/:appId/alert-rules/:ruleId',
      { ...guard.inApp('alerts:write'), schema: { tags, params: RuleParams, response: { 204: Type.Null() } } },
      async (request, reply) => {
        const { member, app: owner } = guard.appOf(request);
        const ruleId = objectId(request.params.ruleId);
        await alertRuleChanges.remove({ actor: actorOf(member), appId: owner.id, ruleId });
        return reply.code(204).send(null);
      },
    );
  };
}
