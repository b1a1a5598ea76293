import { MongoClient } from 'mongodb';

export interface ConnectOptions {
  readonly url: string;
  readonly appName: string;
  /** How long an operation may wait for a server, in ms. Low where a client waits for the answer. */
  readonly serverSelectionTimeoutMS: number;
  readonly socketTimeoutMS: number;
}

/**
 * A connected client with majority writes. The timeouts free the caller, they never stop the server
 * (docs/architecture.md, ingest), so no promise rests on them.
 */
export async function connect({ url, ...options }: ConnectOptions): Promise<MongoClient> {
  const client = new MongoClient(url, {
    ...options,
    connectTimeoutMS: options.serverSelectionTimeoutMS,
    waitQueueTimeoutMS: options.serverSelectionTimeoutMS,
    retryWrites: true,
    writeConcern: { w: 'majority', journal: true, wtimeoutMS: options.socketTimeoutMS },
  });
  return client.connect();
}
