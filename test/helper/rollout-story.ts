import { randomUUID } from 'node:crypto';
import { OFREPProvider } from '@openfeature/ofrep-provider';
import { type Client, OpenFeature } from '@openfeature/server-sdk';

interface Shop {
  readonly url: string;
  readonly key: string;
  readonly flagKey: string;
  readonly people: number;
}

const AT_ONCE = 12;

/**
 * A shop that is busy: its people come by one after the other, again and again, each is asked about by OpenFeature's
 * own provider, and some have an error, as ever. Once the new checkout is broken, half of those who have it do.
 */
export async function busyShop({ url, key, flagKey, people }: Shop) {
  const domain = `story-${randomUUID()}`;
  const headers: [string, string][] = [['Authorization', `Bearer ${key}`]];
  await OpenFeature.setProviderAndWait(domain, new OFREPProvider({ baseUrl: url, headers }));
  const client = OpenFeature.getClient(domain);
  const having = new Set<number>();
  const state = { isOpen: true, isBroken: false, next: 0, cameThisRound: new Set<number>() };
  const failed: string[] = [];

  async function visit(person: number): Promise<void> {
    // Who was on the way when a round began may have the answer of before: that visit counts for the round before.
    const { cameThisRound } = state;
    const hasIt = await has(client, person);
    if (hasIt === undefined) return;
    if (hasIt) having.add(person);
    else having.delete(person);
    cameThisRound.add(person);
    // Some are prone to errors, whatever they have.
    const usual = person % 50 === 0;
    const broken = state.isBroken && hasIt && person % 2 === 0;
    if (usual || broken) failed.push(`user-${String(person)}`);
  }

  async function has({ getBooleanDetails }: Client, person: number): Promise<boolean | undefined> {
    const details = await getBooleanDetails.call(client, flagKey, false, {
      targetingKey: `user-${String(person)}`,
      plan: 'pro',
    });
    return details.errorCode === undefined ? details.value : undefined;
  }

  async function report(): Promise<void> {
    const errors = failed.splice(0).map((profileId) => ({
      errorId: randomUUID(),
      profileId,
      sessionId: `session of ${profileId}`,
      timestampMs: Date.now(),
      errorType: 'runtime',
      message: 'checkout failed',
    }));
    if (errors.length === 0) return;
    await fetch(`${url}/v1/errors`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify({ errors }),
    }).catch(() => undefined);
  }

  async function come(): Promise<void> {
    while (state.isOpen) {
      const person = state.next++ % people;
      await visit(person).catch(() => undefined);
      if (failed.length >= 20) await report();
    }
  }
  const working = Promise.all(Array.from({ length: AT_ONCE }, come));

  return {
    breaks(): void {
      state.isBroken = true;
    },
    /** The share of people who had the new checkout when they came last. */
    share: (): number => having.size / people,
    /** Resolves once everybody has come by again. */
    async round(): Promise<void> {
      const cameThisRound = (state.cameThisRound = new Set());
      while (cameThisRound.size < people) await new Promise((resolve) => setTimeout(resolve, 50));
    },
    async close(): Promise<void> {
      state.isOpen = false;
      await working;
      await OpenFeature.close();
    },
  };
}
