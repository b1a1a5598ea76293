import { randomUUID } from 'node:crypto';
import { BSON, type Db, ObjectId, UUID } from 'mongodb';
import type { CollectionSpec } from './collection.js';
import { type Lanes, laneWasTaken } from './lane.js';

export const laneCheckSpec: CollectionSpec = {
  name: 'lane_check',
  options: { timeseries: { timeField: 'timestamp', metaField: 'meta' }, expireAfterSeconds: 3600 },
  indexes: [],
};

/**
 * Proves on this very server and driver what "stored once" rests on, before the first batch is taken: one insert sent
 * twice in a lane is stored once, and after a fence it is refused. So no upgrade takes the promise away in silence.
 * @throws Error naming the server's version and what to do
 */
export async function checkLanes(db: Db, lanes: Lanes): Promise<void> {
  const collection = db.collection(laneCheckSpec.name);
  const meta = { check: randomUUID() };
  const bytes = BSON.serialize({ timestamp: new Date(), meta, _id: new ObjectId() });
  const lane = new UUID().toBinary();
  const insert = () => lanes.use(lane, (own) => own.insert(1, collection.collectionName, bytes));
  try {
    await insert();
    await insert();
    const rows = await collection.countDocuments({ meta });
    if (rows !== 1) throw new Error(`one insert sent twice was stored ${String(rows)} times`);
    await lanes.use(lane, ({ fence }) => fence(2));
    const late = await insert().catch((error: unknown) => error);
    if (!laneWasTaken(late)) throw new Error('an insert from before a take-over was not refused');
    await collection.deleteMany({ meta });
  } catch (cause) {
    const { version } = await db.admin().buildInfo();
    throw new Error(
      `MongoDB ${String(version)} at this address does not store a retried insert exactly once: ` +
        `${cause instanceof Error ? cause.message : String(cause)}. Use a replica set (one member is enough) of ` +
        'MongoDB 6.0 or later, and the driver version that package-lock.json names.',
      { cause },
    );
  }
}
