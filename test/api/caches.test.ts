import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { ObjectId } from 'mongodb';
import { exposures } from '../../api/flags/exposures.js';
import { flagFollower } from '../../api/flags/follower.js';
import { givenAttributes } from '../../api/flags/given-attributes.js';
import { rolloutWatch } from '../../api/flags/rollout-watch.js';
import { flagUsage } from '../../api/flags/usage.js';
import { flagWriteBack } from '../../api/flags/write-back.js';
import type { AppKey } from '../../api/auth.js';
import { people } from '../../api/ingest/people.js';
import { CACHE_BYTES } from '../../api/memory.js';
import type { App } from '../../db/apps.js';
import { DEFAULT_APP_CONFIG } from '../../domain/app.js';
import type { Definitions, Flag } from '../../domain/flag.js';
import { compileFlags } from '../../domain/flag-evaluation.js';
import { compile, PATTERN_BYTES } from '../../domain/pattern.js';
import { isBundleName, isOwnFile, normaliseFile } from '../../domain/source-file.js';
import { rememberedBytes } from '../../domain/remembered.js';
import { parseStackTrace } from '../../domain/stack.js';
import { flagOf, ruleOf } from '../helper/flag.js';
import { conditionOf } from '../helper/flag-editor.js';
import { aliveBytes } from '../helper/heap.js';

const MIB = 1024 * 1024;
const BODY = 8 * MIB;
const log = { debug: () => undefined, warn: () => undefined };
const app: App = { id: new ObjectId(), appId: 'shop', name: 'Shop', dsnId: 1, config: DEFAULT_APP_CONFIG } as App;
const sender = { app, keyId: 'key', kind: 'client' } as AppKey;
const taken = { batchId: 'b', accepted: 1, rejected: [] };
const idle = {
  async next() {
    await sleep(5);
    return undefined;
  },
  close: () => Promise.resolve(),
};
const never = new Promise<never>(() => undefined);

/** A text as long as a body, of which no piece stands twice. */
const bodyText = (): string => randomBytes((BODY / 4) * 3).toString('base64');

/** So much more is alive after it than before; whatever it returns is alive until then. */
async function grownBy(fill: () => unknown): Promise<number> {
  const before = aliveBytes();
  const kept = await fill();
  const grown = aliveBytes() - before;
  assert.notEqual(kept, null);
  return grown;
}

/** It is full, says so, and takes no more than it says. */
function assertFull(name: keyof typeof CACHE_BYTES, said: number, grown: number): void {
  const most = CACHE_BYTES[name];
  assert.ok(said <= most && said > most * 0.8, `${name} says ${String(said)} of ${String(most)}`);
  assert.ok(grown < most * 1.1 + MIB, `${name} takes ${String(grown)} and not ${String(said)}`);
}

describe('what the API keeps in memory', () => {
  it('is no piece of a body: one short id would keep all of it', async () => {
    const known = people();
    const grown = await grownBy(() => {
      for (let n = 0; n < 12; n++) known.find(app.id, app.id.toHexString(), bodyText().slice(100, 140));
      return known;
    });
    assert.ok(grown < BODY, `${String(grown)} bytes for twelve ids`);
  });

  it('is no id as long as a client likes: 100,000 of 8 KB take what people may', async () => {
    const known = people();
    const grown = await grownBy(() => {
      const text = bodyText();
      for (let n = 0; n < 100_000; n++) known.find(app.id, app.id.toHexString(), text.slice(n * 80, n * 80 + 8192));
      return known;
    });
    assertFull('people', known.bytes(), grown);
  });

  it('is bounded where ids are short, too', async () => {
    const known = people();
    const grown = await grownBy(() => {
      for (let n = 0; n < 60_000; n++) known.find(app.id, app.id.toHexString(), randomUUID());
      return known;
    });
    assertFull('people', known.bytes(), grown);
  });

  it('is bounded where exposures cannot be stored', async () => {
    const own = exposures({
      commit: { submit: () => never },
      people: people(),
      quota: { check: () => undefined, add: () => undefined },
      gate: { check: () => undefined },
      log,
    });
    const grown = await grownBy(() => {
      const text = bodyText();
      for (let n = 0; n < 30_000; n++) {
        const exposure = { experimentId: 'e', flagKey: 'f', ruleId: 'r', answer: 'on', bucket: 1 };
        own.expose(app, { ...exposure, profileId: n % 30 === 0 ? text.slice(n * 200, n * 200 + 8192) : randomUUID() });
      }
      return own;
    });
    assert.ok(own.waitingBytes() <= CACHE_BYTES.exposuresWaiting);
    assert.ok(own.waitingBytes() > CACHE_BYTES.exposuresWaiting * 0.8);
    assert.ok(grown < (own.bytes() + own.waitingBytes()) * 1.1 + MIB, `${String(grown)} bytes`);
  });

  it('is no attributes that were given with a question', async () => {
    const given = givenAttributes({
      intake: { admit: () => Promise.resolve(), take: async () => taken },
      people: people(),
      now: Date.now,
      log,
    });
    const grown = await grownBy(async () => {
      const text = bodyText();
      for (let n = 0; n < 3_000; n++) {
        const entry = (key: string, at: number) => [key, text.slice(n * 2_000 + at, n * 2_000 + 8_000)] as const;
        const attributes = Object.fromEntries(['a', 'b', 'c', 'd'].map(entry));
        const externalId = text.slice(n * 2_000, n * 2_000 + 8_000);
        given.store(sender, { externalId, attributes, identifies: false, stored: {} });
        if (n % 100 === 0) await setImmediate();
      }
      await setImmediate();
      return given;
    });
    assert.ok(given.bytes() <= CACHE_BYTES.givenAttributes);
    assert.ok(grown < CACHE_BYTES.givenAttributes + CACHE_BYTES.people, `${String(grown)} bytes`);
  });

  it('is no context of an answer that waits to be noted for the guard of a rollout', async () => {
    const compiled = compileFlags({ version: 1, segments: [], flags: [flagOf({ rules: [ruleOf()] })] });
    const rollout = {
      _id: new ObjectId(),
      appId: app.id,
      flagKey: 'new-checkout',
      ruleId: 'rule-1',
      windows: [{ since: new Date() }],
    };
    const watch = rolloutWatch({
      flagRollouts: { watched: async () => [rollout as never] },
      reads: { profiles: () => never },
      rolloutProfiles: { serve: () => never },
      profileIdOf: () => new ObjectId(),
      log,
      now: Date.now,
    });
    watch.note(app, { compiled, context: undefined, profileId: undefined, targetingKey: undefined });
    await setImmediate();
    const grown = await grownBy(() => {
      const text = bodyText();
      for (let n = 0; n < 20_000; n++) {
        const targetingKey = text.slice(n * 80, n * 80 + (n % 10 === 0 ? 8192 : 30));
        const attributes = { note: text.slice(n * 80) + String(n) };
        const context = n % 2 === 0 ? undefined : { targetingKey, attributes };
        watch.note(app, { compiled, context, profileId: new ObjectId(), targetingKey });
      }
      return watch;
    });
    assert.ok(watch.waitingBytes() <= CACHE_BYTES.rolloutProfilesWaiting);
    assert.ok(watch.waitingBytes() > CACHE_BYTES.rolloutProfilesWaiting * 0.8, String(watch.waitingBytes()));
    assert.ok(grown < watch.bytes() + watch.waitingBytes() + 2 * MIB, `${String(grown)} bytes`);
  });

  it('is no value that flags have answered, however large', async () => {
    const usage = flagUsage({ temporal: () => undefined, log });
    const grown = await grownBy(() => {
      const text = bodyText();
      for (let n = 0; n < 500; n++) {
        const value = { text: Buffer.from(text.slice(n * 80, n * 80 + 60_000)).toString() };
        usage.countSet(app.id, { flags: { a: value, b: value.text }, digest: `digest ${String(n)}` });
        usage.count(app.id, `flag ${String(n)}`, { ...value });
      }
      return usage;
    });
    assert.ok(grown < 2 * MIB, `${String(grown)} bytes`);
    const more = await grownBy(() => {
      for (let n = 0; n < 40_000; n++) usage.count(app.id, `flag ${String(n)}`, `value ${String(n)}`);
      return usage;
    });
    assertFull('flagUsage', usage.bytes(), grown + more);
    await usage.stop();
  });

  it('is bounded where sets wait to be stored', async () => {
    const { writeBack, bytes } = flagWriteBack({ writes: { back: () => never }, log, everyMs: 60_000 });
    const grown = await grownBy(() => {
      for (let n = 0; n < 5_000; n++) {
        const flags = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`flag-${String(at)}`, true]));
        const reasons = Object.fromEntries(
          Object.keys(flags).map((key) => [
            key,
            { reason: 'SPLIT', ruleId: 'rule-1', variant: 'on', bucket: n % 100 } as const,
          ]),
        );
        writeBack({
          appId: app.id,
          profileId: new ObjectId(),
          version: 1,
          profileRev: 1,
          set: { flags, reasons, digest: String(n) },
        });
      }
      return writeBack;
    });
    assertFull('flagWriteBack', bytes(), grown);
  });

  it('is no more than it says of texts that come again and again', async () => {
    const grown = await grownBy(() => {
      const text = bodyText();
      for (let n = 0; n < 6_000; n++) {
        const file = `https://shop.example/assets/${text.slice(n * 600, n * 600 + (n % 3) * 250)}/app.min.js`;
        isOwnFile(file);
        isBundleName(file);
        normaliseFile(file);
        parseStackTrace(`TypeError: x\n    at pay${String(n)} (${file}:1:${String(n)})\npay@${file}:1:${String(n)}`);
      }
      return rememberedBytes;
    });
    assert.ok(rememberedBytes() > MIB && rememberedBytes() <= CACHE_BYTES.remembered);
    assert.ok(grown < rememberedBytes() + MIB, `${String(grown)} bytes of ${String(rememberedBytes())}`);
  });

  it('is little of the texts that a pattern has met', async () => {
    const patterns = Array.from({ length: 4 }, () => compile('(?i)[\\pL]{300}x'));
    const grown = await grownBy(() => {
      for (const pattern of patterns) {
        for (let n = 0; n < 8; n++)
          pattern?.test(
            randomBytes(750)
              .toString('base64')
              .replaceAll(/[^a-z]/gi, 'a'),
          );
      }
      return patterns;
    });
    assert.ok(grown < patterns.length * 2 * PATTERN_BYTES + MIB / 4, `${String(grown)} bytes`);
  });

  it('is a bounded room for the flags of all apps, which are read again where they do not fit', async () => {
    const long = 'x'.repeat(20_000);
    const rules = Array.from({ length: 8 }, (_, n) =>
      ruleOf({
        ruleId: `rule-${String(n)}`,
        value: { n, long },
        conditions: [
          conditionOf('plan', 'in', ...Array.from({ length: 500 }, (_each, at) => `plan ${String(n)} ${String(at)}`)),
          conditionOf('mail', 'matches', `^user-${String(n)}[0-9]{20}@.*$`),
        ],
      }),
    );
    const text = JSON.stringify([flagOf({ type: 'json', defaultValue: {}, rules })]);
    const states = { find: async () => undefined, versions: async () => [] };
    let reads = 0;
    const read = async (): Promise<Definitions> => {
      reads += 1;
      return { version: 1, flags: JSON.parse(text) as Flag[], segments: [] };
    };
    const follower = flagFollower({
      definitions: { read },
      states: states,
      watch: () => idle,
      clock: () => 0,
    });
    const apps = Array.from({ length: 12 }, () => new ObjectId());
    const grown = await grownBy(async () => {
      for (const each of apps) {
        const { compiled } = await follower.current(each);
        for (let n = 0; n < 8; n++)
          compiled.evaluate('new-checkout', {
            targetingKey: 'a',
            attributes: { mail: `user-${String(n)}12@${randomUUID()}` },
          });
      }
      return follower;
    });
    assertFull('flagDefinitions', follower.bytes(), grown);
    await follower.current(apps[0] ?? app.id);
    assert.equal(reads, 13);
    await follower.current(apps[11] ?? app.id);
    assert.equal(reads, 13);
    await follower.close();
  });
});
