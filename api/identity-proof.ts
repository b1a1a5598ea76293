import { createHmac, timingSafeEqual } from 'node:crypto';
import type { App } from '../db/apps.js';
import type { AppKey } from './auth.js';

/** The secret an app's own server signs profile ids with. Derived, so there is none to steal from the database. */
export function identitySecret(secretKey: string, app: Pick<App, 'id'>, version: number): string {
  return createHmac('sha256', secretKey)
    .update(`identity-proof/${app.id.toHexString()}/${String(version)}`)
    .digest('base64url');
}

/** What the app's server hands to its client: hex HMAC-SHA256 of the profile id, as the client sends it. */
export function identityProof(secret: string, profileId: string): string {
  return createHmac('sha256', secret).update(profileId).digest('hex');
}

interface Claim {
  readonly secretKey: string;
  readonly app: Pick<App, 'id' | 'identity'>;
  readonly profileId: string;
  readonly proof: string | undefined;
  readonly now?: number;
}

/** Whether the proof shows that the app's own server vouches for this profile id. Takes the same time either way. */
export function verifyIdentityProof({ secretKey, app, profileId, proof, now = Date.now() }: Claim): boolean {
  if (proof === undefined || !/^[0-9a-f]{64}$/i.test(proof)) return false;
  const given = Buffer.from(proof, 'hex');
  const { version, previousUntil } = app.identity;
  const versions = previousUntil !== null && now < previousUntil.getTime() ? [version, version - 1] : [version];
  return versions
    .map((each) => Buffer.from(identityProof(identitySecret(secretKey, app, each), profileId), 'hex'))
    .map((expected) => timingSafeEqual(expected, given))
    .includes(true);
}

interface Vouched {
  /** Whether the app's own server vouches for the id, by its key or by a proof. */
  readonly isProved: boolean;
  /** Whether something may be stated about the id, or read of it. Where an app demands no proof, anybody may. */
  readonly mayState: boolean;
}

/** Who may state something about whom. */
export function vouching({ secretKey, now }: { readonly secretKey: string; readonly now: () => number }) {
  return ({ app, kind }: AppKey, profileId: string, proof: string | undefined): Vouched => {
    const isProved = kind === 'server' || verifyIdentityProof({ secretKey, app, profileId, proof, now: now() });
    return { isProved, mayState: isProved || !app.config.identityProof };
  };
}

export type Vouching = ReturnType<typeof vouching>;
