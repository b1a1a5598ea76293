import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { ObjectId } from 'mongodb';
import type { FlagDefinitions } from '../../db/flag-definitions.js';
import type { FlagIntent, FlagIntents } from '../../db/flag-intents.js';
import type { FlagSetReads, ReadProfile } from '../../db/flag-set-reads.js';
import type { Flags } from '../../db/flags.js';
import { profileIdOf } from '../../db/ids.js';
import { PlatformError } from '../../domain/errors.js';
import type { Definitions, FlagContext } from '../../domain/flag.js';
import { compileFlags } from '../../domain/flag-evaluation.js';
import { withProposal } from '../../domain/flag-proposal.js';
import type { Guard } from '../access.js';
import { takeAnyJson } from '../flags/definition-routes.js';
import { contentChange, FlagParams, newContent } from '../schema/flag.js';
import { EvaluateRequest, evaluateView, EvaluateView } from '../schema/flag-evaluate.js';

interface Deps {
  readonly guard: Guard;
  readonly flags: Pick<Flags, 'find'>;
  readonly flagDefinitions: Pick<FlagDefinitions, 'read'>;
  readonly flagIntents: FlagIntents;
  readonly flagSetReads: FlagSetReads;
}

const MOST_ALIASES = 5;

/** What a flag, as it is or as it would be saved, answers somebody, and why. Nothing is stored or counted. */
export function flagEvaluateRoutes(deps: Deps): FastifyPluginAsyncTypebox {
  const { guard, flags, flagDefinitions, flagIntents, flagSetReads } = deps;

  /** As answers find it: by the aliases that stand in the sets. */
  async function profileOf(appId: ObjectId, asked: ObjectId): Promise<ReadProfile | undefined> {
    let profileId = asked;
    const passed = new Set<string>();
    while (passed.size <= MOST_ALIASES && !passed.has(profileId.toHexString())) {
      passed.add(profileId.toHexString());
      const [set] = await flagSetReads.sets([{ appId, profileId }]);
      if (set?.aliasOf === undefined) break;
      profileId = set.aliasOf;
    }
    return (await flagSetReads.profiles([{ appId, profileId }]))[0];
  }

  async function contextOf(appId: ObjectId, { profileId, targetingKey, attributes = {} }: EvaluateRequest) {
    if (profileId === undefined) return { context: { targetingKey, attributes }, isStored: false };
    if (targetingKey !== undefined)
      throw new PlatformError('REQUEST_INVALID', 'a profile is its own targeting key: name one of the two');
    const profile = await profileOf(appId, profileIdOf(appId, profileId));
    const context: FlagContext = {
      targetingKey: profile?.externalId ?? profileId,
      attributes: { ...profile?.attributes, ...attributes },
    };
    return { context, isStored: profile !== undefined };
  }

  /** @throws REQUEST_INVALID for what could not be saved */
  async function definitionsWith(
    appId: ObjectId,
    flagKey: string,
    given: NonNullable<EvaluateRequest['definition']>,
  ): Promise<Definitions> {
    const { type, ...content } = given;
    const known = await flags.find(appId, flagKey);
    if (known !== undefined && type !== undefined && type !== known.type)
      throw new PlatformError('REQUEST_INVALID', `the flag ${flagKey} is of type ${known.type}, and stays so`);
    const intent = known === undefined ? creation(flagKey, given) : change(flagKey, content);
    const { proposal } = await flagIntents.foresee(appId, intent);
    return withProposal(await flagDefinitions.read(appId), proposal);
  }

  return async (app) => {
    takeAnyJson(app);

    app.post(
      '/v1/apps/:appId/flags/:flagKey/evaluate',
      {
        ...guard.inApp('flags:read'),
        schema: {
          tags: ['flags'],
          summary:
            'What a flag answers somebody, and why: each rule and condition; also for a definition not saved yet',
          params: FlagParams,
          body: EvaluateRequest,
          response: { 200: EvaluateView },
        },
      },
      async (request) => {
        const { id } = guard.appOf(request).app;
        const { flagKey } = request.params;
        const { definition } = request.body;
        const { context, isStored } = await contextOf(id, request.body);
        const definitions = await (definition === undefined
          ? flagDefinitions.read(id)
          : definitionsWith(id, flagKey, definition));
        const explanation = compileFlags(definitions).explain(flagKey, context);
        if (explanation === undefined) throw new PlatformError('NOT_FOUND', `no flag ${flagKey} in this app`);
        const { targetingKey } = context;
        const version = definition === undefined ? definitions.version : definitions.version - 1;
        return evaluateView(explanation, { version, targetingKey, isStored });
      },
    );
  };
}

type Given = NonNullable<EvaluateRequest['definition']>;

const change = (flagKey: string, content: Omit<Given, 'type'>): FlagIntent => ({
  kind: 'change',
  flagKey,
  change: contentChange(content),
});

function creation(key: string, { type, defaultValue, ...content }: Given): FlagIntent {
  if (type === undefined || defaultValue === undefined)
    throw new PlatformError('REQUEST_INVALID', `there is no flag ${key}: a new one needs type and defaultValue`);
  return { kind: 'create', flag: { key, type, ...newContent({ ...content, defaultValue }), defaultValue } };
}
