import { hash, hkdfSync, randomBytes } from 'node:crypto';
import { APP_KEY_PREFIX, INVITATION_PREFIX, MEMBER_TOKEN_PREFIX, SECRET_BYTES, secretFrom } from '../domain/key.js';

/** What is stored of a key, token or invitation. A plain hash is enough: 238 random bits are beyond any guessing. */
export const hashSecret = (secret: string): string => hash('sha256', secret, 'hex');

export const newAppKey = (): string => secretFrom(APP_KEY_PREFIX, randomBytes(SECRET_BYTES));
export const newMemberToken = (): string => secretFrom(MEMBER_TOKEN_PREFIX, randomBytes(SECRET_BYTES));
export const newInvitation = (): string => secretFrom(INVITATION_PREFIX, randomBytes(SECRET_BYTES));

/** Bytes that are the same for the same instance and label, and say nothing about any other label. */
function derivedBytes(secretKey: string, label: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secretKey, 'experience', label, SECRET_BYTES));
}

export const derivedAppKey = (secretKey: string, label: string): string =>
  secretFrom(APP_KEY_PREFIX, derivedBytes(secretKey, label));
export const derivedMemberToken = (secretKey: string, label: string): string =>
  secretFrom(MEMBER_TOKEN_PREFIX, derivedBytes(secretKey, label));
