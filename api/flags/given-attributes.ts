import { randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { entryBytes } from '../../domain/entry-bytes.js';
import { quietly } from '../../domain/guarded.js';
import { type Json, lookup, objectOf } from '../../domain/loose.js';
import { attributesFault } from '../../domain/properties.js';
import type { AppKey } from '../auth.js';
import { batchBuilder } from '../ingest/batch-builder.js';
import type { Intake } from '../ingest/intake.js';
import type { People } from '../ingest/people.js';
import { keptKey } from '../kept-key.js';
import { CACHE_BYTES } from '../memory.js';

interface Deps {
  readonly intake: Pick<Intake, 'admit' | 'take'>;
  readonly people: People;
  readonly now: () => number;
  readonly log?: { debug(facts: object, message: string): void };
}

export interface Given {
  readonly externalId: string;
  readonly attributes: Json;
  /** That it was asked with a proof. */
  readonly identifies: boolean;
  /** What the profile has, as far as it is stored yet. */
  readonly stored: Json;
}

/** While it is under way to the profile, the same is not sent again. */
const UNDER_WAY_MS = 60_000;

/**
 * Where an app wants it so, what is given with a question about flags is stored as if it had been stated by an
 * identify, and by the same way; and that somebody has proved who they are. Never in the answer's way: what cannot be
 * taken now comes with the next question.
 */
export function givenAttributes({ intake, people, now, log }: Deps) {
  const underWay = new LRUCache<string, string>({
    maxSize: CACHE_BYTES.givenAttributes,
    sizeCalculation: (text, key) => entryBytes(key, text),
    ttl: UNDER_WAY_MS,
  });

  const personOf = ({ app: { id } }: AppKey, externalId: string) => people.find(id, id.toHexString(), externalId);

  async function send(sender: AppKey, { externalId, attributes, identifies }: Given): Promise<void> {
    const at = now();
    await intake.admit(undefined, sender, 'events');
    const builder = batchBuilder({ app: sender.app, people, now: at });
    const id = randomUUID();
    builder.identify('context', 0, { id, externalId, identifies, attributes, timestampMs: at });
    const facts = { kind: 'flags', format: 'json', idempotencyKey: id, body: Buffer.alloc(0) };
    await intake.take(undefined, sender, builder.finish(facts));
    if (identifies) personOf(sender, externalId).isIdentified = true;
  }

  function store(sender: AppKey, given: Given): void {
    const { externalId, attributes, stored } = given;
    const identifies = given.identifies && !personOf(sender, externalId).isIdentified;
    const isKnown = Object.entries(attributes).every(
      ([key, value]) => JSON.stringify(lookup(stored, key)) === JSON.stringify(value),
    );
    if ((isKnown && !identifies) || attributesFault(objectOf(attributes)) !== undefined) return;
    const whose = keptKey(`${sender.app.id.toHexString()}/${externalId}`);
    const text = keptKey(JSON.stringify([attributes, identifies]));
    if (underWay.get(whose) === text) return;
    underWay.set(whose, text);
    void quietly(
      () => send(sender, { ...given, identifies }),
      (err) => {
        underWay.delete(whose);
        log?.debug({ err }, 'given attributes not stored');
      },
    );
  }

  return { store, bytes: (): number => underWay.calculatedSize };
}

export type GivenAttributes = ReturnType<typeof givenAttributes>;
