import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { strangerRoom } from '../../api/ingest/stranger-room.js';
import { strangerTurns } from '../../api/ingest/stranger-turns.js';
import { refusal } from '../helper/refusal.js';

describe('the room for bodies of strangers', () => {
  const room = () => strangerRoom({ bytes: 100, bytesOfAddress: 40 });
  const stays = () => assert.fail('cut off');

  it('has a share for each address, and none for those whose address cannot be told', () => {
    const it_ = room();
    it_.enter('a', stays).take(30);
    const second = it_.enter('a', stays);
    assert.throws(() => {
      second.take(11);
    }, refusal('RATE_LIMITED'));
    second.take(10);
    it_.enter(undefined, stays).take(30);
    it_.enter(undefined, stays).take(30);
    assert.equal(it_.bytes(), 100);
  });

  it('is made by those that are on their way for longest, not by those who send at once', () => {
    const it_ = room();
    const cut: string[] = [];
    const begin = (name: string, bytes: number) => {
      const guest = it_.enter(name, () => void cut.push(name));
      guest.take(bytes);
      return guest;
    };
    begin('slow', 40);
    begin('slower', 40);
    begin('quick', 40);
    assert.deepEqual(cut, ['slow']);
    begin('next', 40);
    assert.deepEqual([cut, it_.bytes()], [['slow', 'slower'], 80]);
  });

  it('is not made by what is all there already: then a new one is refused', () => {
    const it_ = room();
    for (const name of ['a', 'b']) {
      const guest = it_.enter(name, stays);
      guest.take(40);
      guest.arrived();
    }
    const late = it_.enter('c', stays);
    late.take(20);
    assert.throws(() => {
      late.take(1);
    }, refusal('RATE_LIMITED'));
    late.leave();
    assert.equal(it_.bytes(), 80);
  });

  it('is free again when all have left, whatever happened to them', () => {
    const it_ = room();
    const guests = Array.from({ length: 50 }, (_, n) => it_.enter(`a${String(n % 7)}`, () => undefined));
    for (const guest of guests) {
      try {
        guest.take(17);
      } catch {
        // Refused, and still there.
      }
    }
    for (const guest of guests) guest.leave();
    for (const guest of guests) guest.leave();
    assert.equal(it_.bytes(), 0);
    for (let n = 0; n < 7; n++) it_.enter(`a${String(n)}`, () => undefined).take(14);
  });
});

describe('the turns of strangers', () => {
  const BOUNDS = { atOnce: 3, ofAddressAtOnce: 2, waiting: 4, ofAddressWaiting: 2 };

  function begin() {
    const turns = strangerTurns(BOUNDS);
    const running: string[] = [];
    const ends = new Map<string, () => void>();
    const run = (name: string, address: string | undefined) =>
      turns(address, async () => {
        running.push(name);
        await new Promise<void>((resolve) => ends.set(name, resolve));
      });
    const end = async (name: string): Promise<void> => {
      ends.get(name)?.();
      await new Promise(setImmediate);
    };
    return { run, end, running };
  }

  it('are few at once and fewer of one address; the others wait, and none behind another address', async () => {
    const { run, end, running } = begin();
    const all = [run('a1', 'a'), run('a2', 'a'), run('a3', 'a'), run('b1', 'b'), run('b2', 'b')];
    await new Promise(setImmediate);
    assert.deepEqual(running, ['a1', 'a2', 'b1']);
    await end('b1');
    assert.deepEqual(running, ['a1', 'a2', 'b1', 'b2']);
    await end('a1');
    assert.deepEqual(running, ['a1', 'a2', 'b1', 'b2', 'a3']);
    for (const name of ['a2', 'a3', 'b2']) await end(name);
    await Promise.all(all);
  });

  it('are not waited for by more than may wait, of one address and in all', async () => {
    const { run } = begin();
    for (const [name, address] of [
      ['a1', 'a'],
      ['a2', 'a'],
      ['a3', 'a'],
      ['a4', 'a'],
    ] as const)
      void run(name, address);
    await assert.rejects(run('a5', 'a'), refusal('RATE_LIMITED'));
    for (const name of ['x1', 'x2', 'x3']) void run(name, undefined);
    await assert.rejects(run('y', undefined), refusal('RATE_LIMITED'));
  });

  it('pass on when the work fails', async () => {
    const turns = strangerTurns({ ...BOUNDS, atOnce: 1 });
    const failing = turns('a', () => Promise.reject(new Error('no')));
    const next = turns('b', () => Promise.resolve('done'));
    await assert.rejects(failing, /no/);
    assert.equal(await next, 'done');
  });
});
