import type { FastifyRequest } from 'fastify';
import { noInvitation } from '../db/invitation-changes.js';
import type { Invitations } from '../db/invitations.js';
import { looksLikeInvitation } from '../domain/key.js';
import type { RouteAccess } from './access.js';
import { bearer } from './auth-header.js';
import type { KnownSecrets } from './known-secrets.js';
import { hashSecret } from './secrets.js';
import { strangerGate } from './stranger-gate.js';

interface Deps {
  readonly invitations: Pick<Invitations, 'findOpen'>;
  readonly secrets: KnownSecrets;
}

/** The way in for somebody who has nothing yet but an invitation. It is asked for before the body is read. */
export function invitationAuth({ invitations, secrets }: Deps) {
  const gate = strangerGate({ secrets, now: Date.now });

  function hashOf(request: FastifyRequest): string {
    const secret = bearer(request);
    if (secret === undefined || !looksLikeInvitation(secret)) throw noInvitation();
    return hashSecret(secret);
  }

  const access: RouteAccess = {
    config: { access: 'invitation' },
    onRequest: async (request) => {
      const hash = hashOf(request);
      const find = () => invitations.findOpen({ hash }, new Date());
      const found = await gate.lookUp(hash, find);
      if (found === undefined) throw noInvitation();
    },
  };
  return { access, hashOf };
}
