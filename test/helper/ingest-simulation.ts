import { type Db, type MongoClient, MongoNetworkError, ObjectId } from 'mongodb';
import { batchDeps } from '../../activities/batch-deps.js';
import { batchActivities } from '../../activities/batches.js';
import { batchBuilder } from '../../api/ingest/batch-builder.js';
import { people } from '../../api/ingest/people.js';
import type { Batch } from '../../db/batch.js';
import { claim } from '../../db/claim.js';
import type { App } from '../../db/apps.js';
import { failureKind } from '../../db/failure.js';
import { type Lane, lanes } from '../../db/lane.js';
import { type FlushDoc, spool } from '../../db/spool.js';
import { appOf } from './apps.js';
import { addItem, type Kind, KINDS, spoilt, spoiltDrops } from './every-kind.js';
import { recount, type SimulatedBatch } from './recount.js';

/** A death at some step: the caller gives up there, what it had sent may still arrive. */
class Crash extends MongoNetworkError {
  constructor() {
    super('crashed');
  }
}

const CRASH_RATE = 0.08;
const LATE_RATE = 0.5;
/** Longer than a take-over needs to come to its own insert. */
const LATE_MS = 200;
const SLOW_RATE = 0.1;
const SLOW_MS = 80;
const TAKE_OVER_RATE = 0.5;
const TWENTY_MINUTES = 20 * 60_000;
/** Nobody is remembered here, so that they are touched by every batch; room for them is made once. */
const SENDERS = people();

/** mulberry32: the same seed gives the same decisions; how they interleave is up to the servers. */
function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export interface Verdict {
  readonly seed: number;
  /** What is wrong, by kind; empty when every promise was kept. */
  readonly faults: Readonly<Record<string, number>>;
}

interface World {
  readonly client: MongoClient;
  readonly db: Db;
  /** False takes step 9b out: a new owner reads and inserts without having fenced off the old ones. */
  readonly fence: boolean;
  /** False takes step 11b(a) out: what is left when documents are refused goes out under the number of them all. */
  readonly renumber: boolean;
}

/**
 * One seeded run of interleavings over the product's own claim and activity code on a real mongod: four overlapping
 * batches of events and points, each sent once or twice at once, several workers over different cuts of the same
 * flushes, crashes at each step, inserts that land after their caller gave up, owners that take over; then a sweep
 * until nothing waits, and a recount.
 */
export async function simulate(seed: number, { client, db, fence, renumber }: World): Promise<Verdict> {
  const rng = random(seed);
  const app = { ...appOf(`sim-${String(seed)}`), id: new ObjectId() };
  const neighbour = { ...appOf(`sim-${String(seed)}-neighbour`), id: new ObjectId() };
  // Each kind in turn; where it is only the fence that is looked at, it would be in the way.
  const poison = fence ? KINDS[seed % KINDS.length] : undefined;
  const late: Promise<unknown>[] = [];
  let hurting = true;

  const step = async (): Promise<void> => {
    if (!hurting) return;
    await sleep(rng() * (rng() < SLOW_RATE ? SLOW_MS : 12));
    if (rng() < CRASH_RATE) throw new Crash();
  };
  const around =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await step();
      const result = await call(...args);
      await step();
      return result;
    };

  const realSpool = spool(db);
  const shaky = {
    ...realSpool,
    insert: around(realSpool.insert),
    find: around(realSpool.find),
    takeOver: around(realSpool.takeOver),
    leaveOut: around(realSpool.leaveOut),
    markStored: around(realSpool.markStored),
  };

  const realLanes = lanes(client, db);
  const shakyLanes: typeof realLanes = {
    use: async (id, work) => {
      // A late insert needs a lane of its own life: the one it was sent in is given back when its caller dies.
      const insert: Lane['insert'] = async (txnNumber, ...rest) => {
        const insertArgs = [renumber ? txnNumber : 1, ...rest] as const;
        await step();
        // A slow owner: here what it has read is old news, unless it has fenced off the others.
        if (hurting && insertArgs[0] > 1) await sleep(rng() * SLOW_MS);
        if (hurting && rng() < LATE_RATE) {
          const delay = rng() * LATE_MS;
          late.push(
            sleep(delay)
              .then(() => realLanes.use(id, (lane) => lane.insert(...insertArgs)))
              .catch((error: unknown) => {
                // Nobody is told: its caller is gone.
                if (failureKind(error) === 'transient') throw error;
              }),
          );
          throw new Crash();
        }
        await realLanes.use(id, (lane) => lane.insert(...insertArgs));
        await step();
      };
      return realLanes.use(id, (lane) =>
        work({
          session: lane.session,
          insert,
          fence: async (txnNumber) => {
            await step();
            if (fence && renumber) await lane.fence(txnNumber);
            await step();
          },
        }),
      );
    },
  };

  const deps = batchDeps({ client, db, lanes: shakyLanes, onAlerts: () => undefined });
  const worker = (ahead: number) =>
    batchActivities({
      ...deps,
      spool: shaky,
      retention: { apps: () => Promise.resolve([]) },
      pauseMs: 1,
      now: () => Date.now() + ahead,
    });

  const survive = async (work: Promise<unknown>): Promise<void> => {
    await work.catch((error: unknown) => {
      if (failureKind(error) === 'content') throw error;
    });
  };

  const contents = [
    [1, 2, 3, 4],
    [3, 4, 5, 6],
    [6, 7, 8, 1],
    [2, 5],
  ].map((ids, index): Promise<SimulatedBatch> => {
    // Two batches have what is refused in common, so that it is a duplicate too.
    const kind = index % 2 === 0 ? poison : undefined;
    return batchOf(index === 3 ? neighbour : app, { seed, ids, index, poison: kind });
  });
  const simulated = await Promise.all(contents);
  const batches = simulated.map(({ batch }) => batch);
  const acknowledged = new Set<Batch>();
  const send = async (sent: readonly Batch[]): Promise<void> => {
    const { outcomes } = await claim(shaky, sent, new Date());
    outcomes.forEach((outcome, index) => {
      const batch = sent[index];
      if (batch && !(outcome instanceof Error)) acknowledged.add(batch);
    });
  };

  const tasks: Promise<void>[] = [];
  for (const batch of batches) {
    const together = rng() < 0.3 ? [batch, ...batches.filter(() => rng() < 0.3)] : [batch];
    tasks.push(survive(send(together)));
    if (rng() < 0.5) tasks.push(sleep(rng() * 15).then(() => survive(send([batch]))));
  }
  const mine = { batchKeys: { $in: batches.map(({ key }) => key) } };
  const flushesNow = async (): Promise<FlushDoc[]> =>
    db
      .collection<FlushDoc>('ingest_spool')
      .find(mine as object)
      .toArray();
  for (let run = 0; run < 5; run++) {
    const tries = 1 + Math.floor(rng() * 3);
    // Tries of one run overlap: a worker that was given up goes on.
    const delay = 5 + rng() * 60;
    for (let attempt = 0; attempt < tries; attempt++) {
      const cut = rng();
      const ahead = rng() < TAKE_OVER_RATE ? TWENTY_MINUTES : 0;
      tasks.push(
        sleep(delay).then(async () => {
          const flushes = await flushesNow();
          for (const { _id } of flushes.filter((_flush, index) => (index + run) % 2 === 0 || cut < 0.5)) {
            await survive(worker(ahead).storeFlush({ flushId: _id }));
          }
        }),
      );
    }
  }
  await Promise.all(tasks);
  await Promise.all(late);

  hurting = false;
  for (let sweep = 0; sweep < 10; sweep++) {
    const waiting = (await flushesNow()).filter(({ state }) => state === 'new');
    if (waiting.length === 0) break;
    for (const { _id } of waiting) await survive(worker(0).storeFlush({ flushId: _id }));
  }
  const apps = [app.id, neighbour.id];
  const outcome = { apps, batches: simulated, acknowledged: [...acknowledged], flushes: await flushesNow() };
  return { seed, faults: await recount(db, outcome) };
}

interface Contents {
  readonly seed: number;
  readonly ids: readonly number[];
  readonly index: number;
  /** The kind of an item that mongod refuses. */
  readonly poison: Kind | undefined;
}

async function batchOf(app: App, { seed, ids, index, poison }: Contents): Promise<SimulatedBatch> {
  const name = (id: number | string): string => `${String(seed)}:${String(id)}`;
  const filled = async (last: Kind | undefined): Promise<Batch> => {
    const builder = batchBuilder({ app, people: SENDERS, now: Date.now() });
    for (const id of ids) for (const kind of ['event', 'point'] as const) await addItem(builder, kind, name(id));
    await addItem(builder, KINDS[(seed + index) % KINDS.length] ?? 'event', name(`other-${String(index)}`));
    if (last) await addItem(builder, last, name('poison'));
    const body = Buffer.from(name(`batch-${String(index)}`));
    return builder.finish({ kind: 'events', format: 'json', idempotencyKey: undefined, body });
  };
  const healthy = await filled(undefined);
  const whole = await filled(poison);
  const bad = new Set(whole.items.slice(healthy.items.length).map(({ key }) => key));
  return { batch: poison === 'drop' ? spoiltDrops(whole) : spoilt(whole, ({ key }) => bad.has(key)), bad };
}
