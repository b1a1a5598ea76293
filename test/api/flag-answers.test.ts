import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ObjectId } from 'mongodb';
import { flagAnswers } from '../../api/flags/answers.js';
import type { WriteBackEntry } from '../../api/flags/write-back.js';
import type { App } from '../../db/apps.js';
import type { FlagSetReads } from '../../db/flag-set-reads.js';
import { compileFlags } from '../../domain/flag-evaluation.js';

const app = { id: new ObjectId() } as App;
const profileId = new ObjectId();
const ADA = { app, externalId: 'ada', given: {}, trusted: true, atLeast: 0 };

describe('a set that had to be evaluated', () => {
  /** What an answer at version 3 hands over, where nothing is stored of the profile but its attributes. */
  async function handedOver(stored: { computed: number; passing: number }): Promise<readonly number[]> {
    const written: WriteBackEntry[] = [];
    const compiled = compileFlags({ version: 3, flags: [], segments: [] });
    const reads: FlagSetReads = {
      sets: async () => [],
      profiles: async (asked) => asked.map((ref) => ({ ...ref, externalId: 'ada', attributes: {} })),
    };
    const answers = flagAnswers({
      follower: { current: () => ({ compiled, ...stored }) },
      reads,
      people: { find: () => ({ profileId, touchedDay: 0, isIdentified: false }) },
      writeBack: (entry) => written.push(entry),
    });
    assert.equal((await answers.of(ADA)).version, 3);
    return written.map(({ version }) => version);
  }

  it('is handed over to be stored, before a pass has begun and after it has ended', async () => {
    assert.deepEqual(await handedOver({ computed: 0, passing: 0 }), [3]);
    assert.deepEqual(await handedOver({ computed: 2, passing: 2 }), [3]);
    assert.deepEqual(await handedOver({ computed: 3, passing: 3 }), [3]);
  });

  it('is left to the pass that is at it', async () => {
    assert.deepEqual(await handedOver({ computed: 2, passing: 3 }), []);
    assert.deepEqual(await handedOver({ computed: 2, passing: 4 }), []);
  });
});
