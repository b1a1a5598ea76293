import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Receipt } from '../../db/spool.js';
import type { TestApp } from './system.js';

/** The receipt of a batch, once it is no longer pending. */
export async function finalReceipt(url: string, key: string, batchId: string, patienceMs = 30_000): Promise<Receipt> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const answer = await fetch(`${url}/v1/batches/${batchId}`, { headers: { authorization: `Bearer ${key}` } });
    assert.equal(answer.status, 200, `receipt of ${batchId}`);
    const receipt = (await answer.json()) as Receipt;
    if (receipt.state !== 'pending') return receipt;
    assert.ok(Date.now() < end, `${batchId} is still pending`);
    await sleep(100);
  }
}

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
