// What the reading of flag sets is measured beside: Fastify, one findOne, and the document as it is.
import Fastify from 'fastify';
import { MongoClient, ObjectId } from 'mongodb';

const client = await new MongoClient(process.env['MONGODB_URL'] ?? '', { maxPoolSize: 20 }).connect();
const sets = client.db().collection('user_flag_sets');
const appId = ObjectId.createFromHexString(process.env['APP_ID'] ?? '');

const app = Fastify();
app.get('/set/:profileId', async (request) => {
  const { profileId } = request.params as { readonly profileId: string };
  return sets.findOne({ profileId: ObjectId.createFromHexString(profileId), appId });
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });
process.send?.({ type: 'ready', url });
process.on('disconnect', () => process.exit());
