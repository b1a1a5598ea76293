import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Spool } from '../../db/spool.js';
import { PlatformError } from '../../domain/errors.js';
import { patiently } from '../patience.js';
import { ReceiptParams, ReceiptView } from '../schema/ingest.js';
import { Problem } from '../schema/problem.js';
import type { Senders } from '../senders.js';

interface Deps {
  readonly senders: Senders;
  readonly spool: Pick<Spool, 'receipt'>;
}

/** What became of a batch, for whoever sent it. */
export function batchRoutes({ senders, spool }: Deps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/v1/batches/:batchId',
      {
        ...senders.byHead(),
        schema: {
          tags: ['ingest'],
          summary: 'What became of a batch',
          params: ReceiptParams,
          response: { 200: ReceiptView, '4xx': Problem },
        },
      },
      async (request) => {
        const { app: owner } = senders.of(request);
        const receipt = await patiently(spool.receipt(owner.id, Buffer.from(request.params.batchId, 'hex')));
        if (receipt === null) {
          throw new PlatformError('NOT_FOUND', 'no such batch of this app within the dedupe window');
        }
        return {
          ...receipt,
          rejected: [...receipt.rejected],
          receivedAt: receipt.receivedAt.toISOString(),
          storedAt: receipt.storedAt?.toISOString() ?? null,
        };
      },
    );
  };
}
