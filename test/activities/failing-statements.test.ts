import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MongoNetworkError, MongoServerError } from 'mongodb';
import type { BatchDeps } from '../../activities/batches.js';
import { errorPipeline } from '../../activities/errors.js';
import { appSettings } from '../../activities/app-settings.js';
import { apps } from '../../db/apps.js';
import { errorStore } from '../../db/error-store.js';
import { flagSets } from '../../db/flag-sets.js';
import type { Lanes } from '../../db/lane.js';
import { releases } from '../../db/releases.js';
import type { Exception } from '../../domain/occurrence.js';
import { applySchema } from '../../db/schema.js';
import { testDatabase, type TestDatabase } from '../helper/database.js';
import { type Kind, KINDS } from '../helper/every-kind.js';
import { batchWith, type FlushStoring, flushStoring, newApp } from '../helper/flush-storing.js';

const ofCode = (code: number) => new MongoServerError({ message: 'refused', code });

/** One of each class; nobody knows the last number, and the last is ours. */
const CONTENT = { validation: () => ofCode(121), duplicate: () => ofCode(11_000), unheardOf: () => ofCode(987_654) };
const OURS = { ofOurCode: () => new TypeError('x is undefined') };
const TRANSIENT = {
  steppedDown: () => ofCode(189),
  writeConflict: () => ofCode(112),
  network: () => new MongoNetworkError('reset'),
};

type Faults = Readonly<Record<string, () => unknown>>;

/** Each has an app and flushes of its own. */
const eachAtOnce = (faults: Faults, work: (fault: () => unknown, kind: string) => Promise<void>) =>
  Promise.all(Object.entries(faults).map(([kind, fault]) => work(fault, kind)));

type Any = (...args: never[]) => unknown;

/** Fails so often, then does its work. */
function failing<F extends Any>(
  call: F,
  fault: () => unknown,
  times: number,
  isMeant: (...args: Parameters<F>) => boolean,
): F {
  let left = times;
  const instead = (...args: Parameters<F>): unknown => {
    if (left <= 0 || !isMeant(...args)) return call(...args);
    left--;
    throw fault();
  };
  return (async (...args: Parameters<F>) => instead(...args)) as unknown as F;
}

interface Statement {
  readonly name: string;
  /** The dependencies with this one failing. */
  readonly broken: (real: BatchDeps, fault: () => unknown, times: number) => Partial<BatchDeps>;
  /** What of a flush with every kind is set aside where it always fails for its content; null: nothing is, it waits. */
  readonly sets: readonly Kind[] | null;
}

const isSome = (list: readonly unknown[]): boolean => list.length > 0;

const lanesThat = (real: Lanes, fail: (insert: Any) => Any): Lanes => ({
  use: (lane, work) => real.use(lane, (one) => work({ ...one, insert: fail(one.insert) as typeof one.insert })),
});

/** By the text that only one document holds: the commands with it are refused as a whole. */
const MARK = 'bad-event';
const holdsMark = (_txn: number, _collection: string, bytes: Uint8Array): boolean => Buffer.from(bytes).includes(MARK);

const STATEMENTS: readonly Statement[] = [
  {
    name: 'the insert of a lane, as a whole',
    broken: ({ lanes }, fault, times) => {
      let left = times;
      const fail = (insert: Any): Any => {
        const broken = async (...args: [number, string, Uint8Array]) => {
          if (left <= 0 || !holdsMark(...args)) return insert(...(args as unknown as never[]));
          left--;
          throw fault();
        };
        return broken;
      };
      return { lanes: lanesThat(lanes, fail) };
    },
    sets: ['event'],
  },
  {
    name: 'the rollups',
    broken: ({ rollups }, fault, times) => ({
      rollups: { ...rollups, add: failing(rollups.add, fault, times, (_id, shares) => isSome(shares)) },
    }),
    sets: ['event', 'point', 'exposure'],
  },
  {
    name: 'identifies and aliases',
    broken: ({ profiles }, fault, times) => ({
      profiles: { ...profiles, write: failing(profiles.write, fault, times, isSome) },
    }),
    sets: ['identify', 'alias'],
  },
  {
    name: 'sessions',
    broken: ({ sessions }, fault, times) => ({
      sessions: { ...sessions, write: failing(sessions.write, fault, times, isSome) },
    }),
    sets: ['session'],
  },
  {
    name: 'feedback',
    broken: ({ feedback }, fault, times) => ({
      feedback: { ...feedback, write: failing(feedback.write, fault, times, isSome) },
    }),
    sets: ['feedback'],
  },
  {
    name: 'drops of clients',
    broken: ({ drops }, fault, times) => ({
      drops: {
        ...drops,
        write: failing(drops.write, fault, times, (writes) => writes.some(({ by }) => by === 'client')),
      },
    }),
    sets: ['drop'],
  },
  {
    name: 'errors and their groups',
    broken: ({ errors }, fault, times) => ({
      errors: { ...errors, store: failing(errors.store, fault, times, isSome) },
    }),
    sets: ['error'],
  },
  {
    name: 'touches of profiles',
    broken: ({ profiles }, fault, times) => ({
      profiles: { ...profiles, touch: failing(profiles.touch, fault, times, isSome) },
    }),
    sets: [],
  },
  {
    name: 'the look at rollouts',
    broken: ({ rolloutMarks }, fault, times) => ({
      rolloutMarks: { ...rolloutMarks, of: failing(rolloutMarks.of, fault, times, () => true) },
    }),
    sets: [],
  },
  {
    name: 'the end of the flush itself',
    broken: ({ spool }, fault, times) => ({
      spool: { ...spool, markStored: failing(spool.markStored, fault, times, () => true) },
    }),
    sets: null,
  },
];

describe('a statement of the storing of a flush that fails', () => {
  let database: TestDatabase;
  let storing: FlushStoring;
  before(async () => {
    database = await testDatabase('failing');
    await applySchema(database.db);
    storing = flushStoring(database);
  });
  after(() => database.close());

  const kindOf: Readonly<Record<string, readonly string[]>> = {
    event: ['events'],
    exposure: ['events'],
    point: ['heatmap'],
    error: ['errors'],
    session: ['sessions'],
    feedback: ['feedback'],
    identify: ['profiles'],
    alias: ['profiles'],
    drop: ['other'],
  };

  /** A flush with every kind, stored with a statement failing; and what came of it. */
  async function stored(changes: Partial<BatchDeps>) {
    const app = newApp();
    const items = KINDS.map((kind) => ({ kind, id: kind === 'event' ? MARK : `${kind}-of-${app.id.toHexString()}` }));
    const batch = await batchWith(app, items);
    const flushId = await storing.acknowledge(batch);
    const failure = await storing
      .storer(changes)
      .storeFlush({ flushId })
      .then(
        () => undefined,
        (error: unknown) => error,
      );
    const rows = await storing.refused(app);
    return {
      app,
      batch,
      flushId,
      failure,
      refused: rows.map(({ kind }): string => kind),
      codes: rows.map(({ code }) => code),
    };
  }

  for (const { name, broken, sets } of STATEMENTS) {
    it(`is tried again where servers are at fault, and nothing is set aside: ${name}`, async () => {
      await eachAtOnce(TRANSIENT, async (fault) => {
        const { app, flushId, failure, refused } = await stored(broken(storing.real, fault, Infinity));
        assert.ok(failure !== undefined, 'Temporal comes again');
        assert.deepEqual(refused, []);
        assert.equal((await storing.flush(flushId)).state, 'new');
        const { state, stored: count } = await storing.storer().storeFlush({ flushId });
        assert.deepEqual([state, count], ['stored', KINDS.length - 1]);
        assert.deepEqual(await storing.refused(app), []);
      });
    });

    it(`sets nothing aside where it fails twice and then not: ${name}`, async () => {
      await eachAtOnce({ ...CONTENT, ...OURS }, async (fault) => {
        const { failure, refused, flushId } = await stored(broken(storing.real, fault, 2));
        assert.equal(failure, undefined);
        assert.deepEqual(refused, []);
        assert.equal((await storing.flush(flushId)).state, 'stored');
      });
    });

    it(`sets aside ${sets === null ? 'nothing' : sets.join(', ') || 'nothing'} where it always fails for its content: ${name}`, async () => {
      await eachAtOnce({ ...CONTENT, ...OURS }, async (fault, kind) => {
        const { batch, flushId, failure, refused, codes } = await stored(broken(storing.real, fault, Infinity));
        if (sets === null) {
          assert.match(String(failure), /cannot be ended, whatever it holds/);
          assert.equal((await storing.flush(flushId)).state, 'new');
          assert.deepEqual(refused, []);
          assert.equal((await storing.storer().storeFlush({ flushId })).state, 'stored');
          return;
        }
        assert.equal(failure, undefined, `${kind}: ${String(failure)}`);
        assert.equal((await storing.flush(flushId)).state, 'stored');
        assert.deepEqual(refused.sort(), sets.flatMap((each) => kindOf[each] ?? []).sort(), kind);
        const code = { validation: 'DocumentValidationFailure', duplicate: 'DuplicateKey', unheardOf: 'code 987654' }[
          kind
        ];
        assert.ok(codes.every((each) => each === (code ?? 'TypeError')));
        const receipt = await storing.receipt(batch);
        assert.equal(receipt.stored + receipt.refused, KINDS.length - 1);
      });
    });
  }

  it('is one while an occurrence is prepared: that alone is set aside, and what is only known beside it is left out', async () => {
    const { db } = database;
    const known = releases(db);
    let faults = Infinity;
    const broken = async (): Promise<never> => {
      throw new TypeError('x is undefined');
    };
    const pipeline = (changes: Partial<Parameters<typeof errorPipeline>[0]>) =>
      errorPipeline({
        flagSets: flagSets(db),
        errorStore: errorStore({ db, releases: known }),
        releases: known,
        symbolicator: { symbolicate: async (_app, _release, exceptions) => exceptions },
        settings: appSettings(apps(db)),
        now: Date.now,
        ...changes,
      });
    const symbolicate = async (_app: unknown, _release: unknown, exceptions: readonly Exception[]) => {
      if (faults-- > 0) throw new TypeError('x is undefined');
      return exceptions;
    };
    const first = await stored({ errors: pipeline({ symbolicator: { symbolicate } }) });
    assert.deepEqual([first.failure, first.refused, first.codes], [undefined, ['errors'], ['TypeError']]);
    faults = 2;
    const second = await stored({ errors: pipeline({ symbolicator: { symbolicate } }) });
    assert.deepEqual([second.failure, second.refused], [undefined, []]);
    const beside = await stored({
      errors: pipeline({ flagSets: { ...flagSets(db), of: broken }, releases: { seen: broken } }),
    });
    assert.deepEqual([beside.failure, beside.refused], [undefined, []]);
    assert.deepEqual(await storing.counts(beside.app, 'errors'), [1]);
  });
});
