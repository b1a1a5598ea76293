import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { strangerGate } from '../../api/stranger-gate.js';
import { refusal } from '../helper/refusal.js';
import { secretsTold } from '../helper/secrets.js';

for (const { when, isUpToDate, most } of [
  { when: 'where all secrets are known', isUpToDate: true, most: 20 },
  { when: 'while they are not', isUpToDate: false, most: 500 },
])
  describe(`strangerGate, ${when}`, () => {
    let clock: number;
    let secrets: ReturnType<typeof secretsTold>;
    let gate: ReturnType<typeof strangerGate>;
    const stranger = (hash: string) => gate.lookUp(hash, () => Promise.resolve(undefined));
    const friend = (hash: string) => gate.lookUp(hash, () => Promise.resolve('friend'));

    beforeEach(() => {
      clock = 10_000;
      secrets = secretsTold(isUpToDate);
      gate = strangerGate({ secrets, now: () => clock });
    });

    it(`puts off all that is new once ${String(most)} strangers came within a second, and not in the next one`, async () => {
      for (let count = 0; count < most; count += 1) await stranger(String(count));
      await assert.rejects(friend('new'), refusal('RATE_LIMITED'));
      clock += 1_000;
      assert.equal(await friend('new'), 'friend');
    });

    it('does not count those who are known', async () => {
      for (let count = 0; count < 5_000; count += 1) await friend(String(count));
    });

    it('lets all through that it is told of, or has found once, however many strangers there are', async () => {
      await friend('found once');
      secrets.add('told of');
      for (let count = 0; count < most; count += 1) await stranger(String(count));
      await assert.rejects(friend('new'), refusal('RATE_LIMITED'));
      assert.equal(await friend('found once'), 'friend');
      assert.equal(await friend('told of'), 'friend');
    });

    it('knows a stranger again for two seconds, at no cost', async () => {
      let looks = 0;
      const find = (): Promise<string | undefined> => {
        looks += 1;
        return Promise.resolve(undefined);
      };
      for (let count = 0; count < 1_000; count += 1) assert.equal(await gate.lookUp('again', find), undefined);
      assert.equal(looks, 1);
      clock += 2_000;
      assert.equal(await friend('again'), 'friend');
    });

    it('counts what is still under way, and forgets what failed', async () => {
      let fail: (reason: Error) => void = () => undefined;
      const held = new Promise<undefined>((_resolve, reject) => (fail = reject));
      const hold = (_: unknown, count: number) => gate.lookUp(String(count), () => held);
      const waiting = Promise.allSettled(Array.from({ length: most }, hold));
      await assert.rejects(friend('new'), refusal('RATE_LIMITED'));
      fail(new Error('no server'));
      await waiting;
      assert.equal(await friend('new'), 'friend');
    });
  });
