import { type FastifyPluginAsyncTypebox, Type } from '@fastify/type-provider-typebox';
import type { FastifyRequest } from 'fastify';
import type { MemberTokens } from '../../db/member-tokens.js';
import type { TokenChanges } from '../../db/token-changes.js';
import { shownPrefix } from '../../domain/key.js';
import type { Guard } from '../access.js';
import { actorOf } from '../auth-member.js';
import { futureInstant, nextPage, objectId, PageQuery } from '../schema/common.js';
import {
  CreatedTokenView,
  CreateTokenRequest,
  MemberParams,
  TokenParams,
  TokensView,
  tokenView,
} from '../schema/member.js';
import { hashSecret, newMemberToken } from '../secrets.js';

interface Deps {
  readonly guard: Guard;
  readonly memberTokens: Pick<MemberTokens, 'page'>;
  readonly tokenChanges: TokenChanges;
}

const tags = ['members'];

/** One's own tokens, and those of members all of whose rights one could hand out. */
export function tokenRoutes({ guard, memberTokens, tokenChanges }: Deps): FastifyPluginAsyncTypebox {
  function scope(request: FastifyRequest, memberId: string) {
    const member = guard.memberOf(request);
    return { actor: actorOf(member), rights: member.rights, memberId: objectId(memberId) };
  }

  return async (app) => {
    app.post(
      '/v1/members/:memberId/tokens',
      {
        ...guard.signedIn(),
        schema: {
          tags,
          summary: 'Create a token; the answer is the only one that shows it',
          params: MemberParams,
          body: CreateTokenRequest,
          response: { 201: CreatedTokenView },
        },
      },
      async (request, reply) => {
        const { name, expiresAt } = request.body;
        const token = newMemberToken();
        const doc = await tokenChanges.create({
          ...scope(request, request.params.memberId),
          name,
          secret: { hash: hashSecret(token), prefix: shownPrefix(token) },
          expiresAt: futureInstant(expiresAt),
        });
        return reply.code(201).send({ ...tokenView(doc), token });
      },
    );

    app.get(
      '/v1/members/:memberId/tokens',
      {
        ...guard.signedIn(),
        schema: { tags, params: MemberParams, querystring: PageQuery, response: { 200: TokensView } },
      },
      async (request) => {
        const { limit, before } = request.query;
        const of = scope(request, request.params.memberId);
        await tokenChanges.mustSpeakFor(of);
        const page = { limit, before: before === undefined ? undefined : objectId(before) };
        const docs = await memberTokens.page(of.memberId, page);
        return { tokens: docs.map(tokenView), next: nextPage(docs, limit) };
      },
    );

    app.delete(
      '/v1/members/:memberId/tokens/:tokenId',
      { ...guard.signedIn(), schema: { tags, params: TokenParams, response: { 204: Type.Null() } } },
      async (request, reply) => {
        const tokenId = objectId(request.params.tokenId);
        await tokenChanges.revoke({ ...scope(request, request.params.memberId), tokenId });
        return reply.code(204).send(null);
      },
    );
  };
}
