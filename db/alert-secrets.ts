import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Binary } from 'mongodb';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Signing secrets must be readable to sign with, so they are stored encrypted: AES-256-GCM under a key that is derived
 * from the instance's, with the id of what they belong to bound in, so that one cannot be put in another's place.
 */
export function alertSecrets(secretKey: string) {
  const key = new Uint8Array(hkdfSync('sha256', secretKey, 'experience', 'alert-channel-secret', KEY_BYTES));

  return {
    seal(secret: string, owner: string): Binary {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(owner));
      const sealed = Buffer.concat([cipher.update(secret, 'utf8'), cipher.final()]);
      return new Binary(Buffer.concat([nonce, cipher.getAuthTag(), sealed]));
    },

    /** @throws Error when it was sealed under another key or for another owner, or has been changed. */
    open(sealed: Binary, owner: string): string {
      const bytes = Buffer.from(sealed.value());
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES))
        .setAAD(Buffer.from(owner))
        .setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    },
  };
}

export type AlertSecrets = ReturnType<typeof alertSecrets>;

/** As Standard Webhooks wants it: 24 to 64 random bytes in base64. */
export const newWebhookSecret = (): string => `whsec_${randomBytes(32).toString('base64')}`;
