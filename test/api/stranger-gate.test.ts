import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { strangerGate } from '../../api/stranger-gate.js';
import { refusal } from '../helper/refusal.js';

describe('strangerGate', () => {
  const nobody = (found: unknown) => found === undefined;
  const stranger = () => Promise.resolve(undefined);
  const friend = () => Promise.resolve('friend');

  it('puts off all that is new once 500 strangers came within a second, and not in the next one', async () => {
    let clock = 10_000;
    const gate = strangerGate(() => clock);
    for (let count = 0; count < 500; count += 1) await gate.lookUp(stranger, nobody);
    await assert.rejects(gate.lookUp(friend, nobody), refusal('RATE_LIMITED'));
    clock += 1_000;
    assert.equal(await gate.lookUp(friend, nobody), 'friend');
  });

  it('does not count those who are known', async () => {
    const gate = strangerGate(() => 10_000);
    for (let count = 0; count < 5_000; count += 1) await gate.lookUp(friend, nobody);
  });

  it('counts what is still under way, and forgets what failed', async () => {
    let fail: (reason: Error) => void = () => undefined;
    const held = new Promise<undefined>((_resolve, reject) => (fail = reject));
    const gate = strangerGate(() => 10_000);
    const waiting = Promise.allSettled(Array.from({ length: 500 }, () => gate.lookUp(() => held, nobody)));
    await assert.rejects(gate.lookUp(friend, nobody), refusal('RATE_LIMITED'));
    fail(new Error('no server'));
    await waiting;
    assert.equal(await gate.lookUp(friend, nobody), 'friend');
  });
});
