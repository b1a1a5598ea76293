import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import type { Spool } from '../../db/spool.js';
import { PlatformError } from '../../domain/errors.js';
import { openTo } from '../access.js';
import type { AppKeyAuth } from '../auth.js';
import type { RequestLimits } from '../limits/request-limits.js';
import { patiently } from '../patience.js';
import { Problem } from '../schema/problem.js';
import { ReceiptParams, ReceiptView } from '../schema/ingest.js';

interface Deps {
  readonly auth: AppKeyAuth;
  readonly limits: RequestLimits;
  readonly spool: Pick<Spool, 'receipt'>;
}

/** What became of a batch, for whoever sent it. */
export function batchRoutes({ auth, limits, spool }: Deps): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/v1/batches/:batchId',
      {
        ...openTo('app-key'),
        schema: {
          tags: ['ingest'],
          summary: 'What became of a batch',
          params: ReceiptParams,
          response: { 200: ReceiptView, '4xx': Problem },
        },
      },
      async (request) => {
        const sender = await auth.authenticate(request);
        limits.check(request, sender.keyId);
        const receipt = await patiently(spool.receipt(sender.app.id, Buffer.from(request.params.batchId, 'hex')));
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
