import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Binary } from 'mongodb';
import { alertSecrets, newWebhookSecret } from '../../db/alert-secrets.js';

const KEY = 'a-secret-key-'.repeat(3);

describe('a signing secret at rest', () => {
  const secrets = alertSecrets(KEY);
  const secret = newWebhookSecret();

  it('comes back as it was, and never looks the same twice', () => {
    assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
    const [one, other] = [secrets.seal(secret, 'channel'), secrets.seal(secret, 'channel')];
    assert.equal(secrets.open(one, 'channel'), secret);
    assert.equal(alertSecrets(KEY).open(other, 'channel'), secret, 'another process');
    assert.notDeepEqual(one.value(), other.value());
    assert.ok(!Buffer.from(one.value()).includes(secret.slice(6, 20)));
  });

  it('opens for nobody else', () => {
    const sealed = secrets.seal(secret, 'channel');
    assert.throws(() => alertSecrets('another-key-'.repeat(3)).open(sealed, 'channel'));
    assert.throws(() => secrets.open(sealed, 'another channel'));
    const bytes = Buffer.from(sealed.value());
    for (const at of [0, 12, 28, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      assert.throws(() => secrets.open(new Binary(changed), 'channel'), `byte ${String(at)}`);
    }
  });
});
