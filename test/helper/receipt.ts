import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Receipt } from '../../db/spool.js';

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
