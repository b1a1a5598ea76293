import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { FlagContext } from '../domain/flag.js';
import { compileFlags } from '../domain/flag-evaluation.js';
import { setOf } from '../domain/flag-set.js';
import { condition, CONTEXTS, contexts, definitionsOf, FLAGS, flagsWith, switchOf } from './flag-samples.js';
import { flagd, growthbook, type Peer, type PeerFlag, unleash } from './flag-peers.js';

// node --import tsx bench/flags-evaluation.ts: evaluation in process, on one core, and nothing else.

const ROUNDS = 5;
const ROUND_MS = 400;

/** Each context once; how many flags were on is returned, so that nothing is optimised away. */
type Pass = () => number;

/** Milliseconds that this process has had a core for, collecting garbage included: others use this machine too. */
function coreMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Passes until the round is over, the best of several rounds. */
function passesPerSecond(pass: Pass): number {
  let best = 0;
  let on = 0;
  const warm = coreMs();
  while (coreMs() - warm < ROUND_MS * 2) on += pass();
  for (let round = 0; round < ROUNDS; round++) {
    const began = coreMs();
    let passes = 0;
    while (coreMs() - began < ROUND_MS) {
      on += pass();
      passes++;
    }
    best = Math.max(best, (passes * 1_000) / (coreMs() - began));
  }
  if (on === 0) throw new Error('no flag was ever on');
  return best;
}

const evaluationsPerSecond = (pass: Pass): number => Math.round(passesPerSecond(pass) * CONTEXTS * FLAGS);

function peerPass(peer: Peer, flags: readonly PeerFlag[]): Pass {
  const prepared = contexts.map((context) => peer.prepare(context));
  const keys = flags.map(({ key }) => key);
  return () => {
    let on = 0;
    for (const context of prepared) for (const key of keys) if (peer.isOn(key, context)) on++;
    return on;
  };
}

function oursAsPeer(flags: readonly PeerFlag[]): Peer {
  const compiled = compileFlags(definitionsOf(flags));
  return {
    name: 'ours, flag by flag',
    prepare: (context) => context,
    isOn: (key, context) => compiled.evaluate(key, context as FlagContext)?.value === true,
  };
}

/** All of them must say the same of conditions; whose bucketing is published as ours is, of percentages too. */
function assertAgreement(): void {
  for (const percentage of [100, 37]) {
    const flags = flagsWith(percentage);
    const [ours, ...others] = [oursAsPeer, unleash, growthbook, flagd].map((make) => make(flags));
    for (const other of percentage === 100 ? others : others.slice(0, 1))
      for (const context of contexts)
        for (const { key } of flags) {
          const expected = ours?.isOn(key, context);
          if (other.isOn(key, other.prepare(context)) !== expected)
            throw new Error(`${other.name} does not agree on ${key} for ${String(context.targetingKey)}`);
        }
  }
}

interface Large {
  readonly flags: number;
  readonly rulesEach: number;
  readonly compileMs: number;
  readonly setP50Ms: number;
  readonly setP99Ms: number;
  readonly definitionsMb: number;
  readonly compiledMb: number;
}

/** As many flags and rules as an app may have, each rule with two conditions and a percentage. */
function large(): Large {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heap = () => {
    collect();
    return process.memoryUsage().heapUsed / 2 ** 20;
  };
  const [flagCount, rulesEach] = [1_000, 100];
  const empty = heap();
  const flags = Array.from({ length: flagCount }, (_, flag) =>
    switchOf(
      `flag-${flag}`,
      Array.from({ length: rulesEach }, (__, rule) => ({
        conditions: [
          condition('email', 'in', `user-${flag}@example.com`, `user-${rule}@example.org`),
          condition('version', 'semver_gte', `2.${rule % 30}.${flag}`),
        ],
        percentage: 50,
      })),
    ),
  );
  const defined = heap();
  const began = coreMs();
  const compiled = compileFlags({ version: 1, flags, segments: [] });
  const compileMs = coreMs() - began;
  const ready = heap();
  const times: number[] = [];
  for (const context of contexts.slice(0, 300)) {
    const start = coreMs();
    setOf(compiled, context);
    times.push(coreMs() - start);
  }
  times.sort((a, b) => a - b);
  const percentile = (share: number) => times[Math.floor(times.length * share)] ?? 0;
  return {
    flags: flagCount,
    rulesEach,
    compileMs,
    setP50Ms: percentile(0.5),
    setP99Ms: percentile(0.99),
    definitionsMb: defined - empty,
    compiledMb: ready - defined,
  };
}

export function measureEvaluation() {
  assertAgreement();
  const flags = flagsWith(50);
  const compiled = compileFlags(definitionsOf(flags));
  const perSecond: Record<string, number> = {
    'ours, all flags of a context': evaluationsPerSecond(() => {
      let on = 0;
      for (const context of contexts) for (const { value } of compiled.all(context).values()) if (value === true) on++;
      return on;
    }),
    'ours, a set with its digest': evaluationsPerSecond(() => {
      let on = 0;
      for (const context of contexts) if (setOf(compiled, context).digest !== '') on += 1;
      return on;
    }),
  };
  for (const make of [oursAsPeer, growthbook, unleash, flagd]) {
    const peer = make(flags);
    perSecond[peer.name] = evaluationsPerSecond(peerPass(peer, flags));
  }
  return { perSecond, large: large() };
}

export function printEvaluation({ perSecond, large }: ReturnType<typeof measureEvaluation>): void {
  console.log(`\n${FLAGS} flags, two conditions and 50 % each, ${CONTEXTS} contexts in turn, by time on one core\n`);
  for (const [name, rate] of Object.entries(perSecond))
    console.log(`${name.padEnd(30)} ${rate.toLocaleString('en-US').padStart(12)} flag evaluations/s`);
  console.log(`\n${large.flags} flags with ${large.rulesEach} rules each, two conditions a rule`);
  console.log(`  a set: ${large.setP50Ms.toFixed(2)} ms (p50), ${large.setP99Ms.toFixed(2)} ms (p99)`);
  console.log(`  compiled in ${large.compileMs.toFixed(0)} ms`);
  console.log(
    `  memory: ${large.definitionsMb.toFixed(0)} MB definitions, ${large.compiledMb.toFixed(0)} MB more compiled\n`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const measured = measureEvaluation();
  printEvaluation(measured);
  console.log(JSON.stringify(measured));
}
