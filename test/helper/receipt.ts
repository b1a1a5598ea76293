import assert from 'node:assert/strict';
import type { Receipt } from '../../db/spool.js';
import type { TestApp } from './system.js';
import { until } from './until.js';

/** The receipt of a batch, once it is no longer pending. */
export const finalReceipt = (url: string, key: string, batchId: string): Promise<Receipt> =>
  until(`${batchId} is no longer pending`, async () => {
    const answer = await fetch(`${url}/v1/batches/${batchId}`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal(answer.status, 200, `receipt of ${batchId}`);
    const receipt = (await answer.json()) as Receipt;
    return receipt.state !== 'pending' && receipt;
  });

/** What the receipts of these batches say was stored, in all. */
export async function storedByReceipts(url: string, app: TestApp, batchIds: readonly string[]): Promise<number> {
  let stored = 0;
  for (const batchId of batchIds) {
    const receipt = await finalReceipt(url, app.key, batchId);
    assert.equal(receipt.state, 'stored');
    assert.equal(receipt.stored + receipt.duplicates, receipt.accepted, `receipt of ${batchId}`);
    assert.equal(receipt.expired, 0);
    stored += receipt.stored;
  }
  return stored;
}
