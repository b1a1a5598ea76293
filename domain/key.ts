/**
 * `client` is public: it sits in a browser or an app. It ingests, reads flags and bundles, files feedback.
 * `server` is secret, and does so for any profile.
 */
export const KEY_KINDS = ['client', 'server'] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

export const APP_KEY_PREFIX = 'exp_';
export const MEMBER_TOKEN_PREFIX = 'exm_';
export const INVITATION_PREFIX = 'exi_';
type SecretPrefix = typeof APP_KEY_PREFIX | typeof MEMBER_TOKEN_PREFIX | typeof INVITATION_PREFIX;

/** 238 bits: 32 base62 characters would be just short of 192. */
const SECRET_LENGTH = 40;
const SHOWN_CHARACTERS = 8;

const APP_KEY = /^exp_[0-9A-Za-z]{32,128}$/;
const MEMBER_TOKEN = /^exm_[0-9A-Za-z]{32,128}$/;
const INVITATION = /^exi_[0-9A-Za-z]{32,128}$/;

/** Looked at before anything is looked up, so that noise costs no query. */
export const looksLikeAppKey = (value: string): boolean => APP_KEY.test(value);
export const looksLikeMemberToken = (value: string): boolean => MEMBER_TOKEN.test(value);
export const looksLikeInvitation = (value: string): boolean => INVITATION.test(value);

const SECRETS = /ex[pim]_[0-9A-Za-z]{16,}|whsec_[0-9A-Za-z+/=]{16,}/g;

/** A text in which no key, token or signing secret stands, be it one that works or not, be it cut off. */
export const withoutKeys = (text: string): string => text.replaceAll(SECRETS, '[secret]');

/** What is shown of a secret after its creation: `exp_xxxx`. */
export const shownPrefix = (secret: string): string => secret.slice(0, SHOWN_CHARACTERS);

const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** How many random bytes `secretFrom` wants: 80 bits more than it gives, so that no character is likelier. */
export const SECRET_BYTES = 40;

/** A key, token or invitation made of random (or derived) bytes: the same bytes give the same one. */
export function secretFrom(prefix: SecretPrefix, bytes: Uint8Array): string {
  let number = 0n;
  for (const byte of bytes) number = (number << 8n) | BigInt(byte);
  let characters = '';
  for (let place = 0; place < SECRET_LENGTH; place += 1) {
    characters += BASE62.charAt(Number(number % 62n));
    number /= 62n;
  }
  return prefix + characters;
}

export interface Lifetime {
  readonly expiresAt: Date | null;
  readonly revokedAt: Date | null;
}

/** Whether a key or token works at that instant. Its end is outside: at `expiresAt` it no longer does. */
export function isLive({ expiresAt, revokedAt }: Lifetime, nowMs: number): boolean {
  if (revokedAt !== null) return false;
  return expiresAt === null || nowMs < expiresAt.getTime();
}
