import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');

/** A program that takes one order and dies of it when there is no card: nothing catches what it throws. */
const PROGRAM = `
import * as Sentry from '@sentry/node';

const { DSN, RELEASE, CUSTOMER, CARD } = process.env;
Sentry.init({
  dsn: DSN,
  release: RELEASE,
  environment: 'production',
  shutdownTimeout: 20_000,
  integrations: [Sentry.featureFlagsIntegration()],
});
Sentry.getClient().getIntegrationByName('FeatureFlags').addFeatureFlag('new-checkout', true);
Sentry.setUser({ id: CUSTOMER });
Sentry.setTag('tenant', 'acme');

function charge(order) {
  if (order.card === undefined) throw new RangeError(\`order \${order.id} has no card\`);
}

export function checkout(order) {
  charge(order);
}

checkout({ id: Math.floor(Math.random() * 1e6), card: CARD });
`;

interface Visit {
  readonly customer: string;
  readonly card?: string;
}

/**
 * A shop's server with the unmodified `@sentry/node`: each release in a folder of its own and moved by some lines, as
 * a deploy does; each visit a process of its own.
 */
export function shopServer(dsn: string) {
  const folder = mkdtempSync(join(tmpdir(), 'shop-'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'dir');
  let deploys = 0;

  function deploy(release: string): string {
    const at = join(folder, release);
    mkdirSync(at);
    const script = join(at, 'shop.mjs');
    writeFileSync(script, `${'// What was changed.\n'.repeat(deploys++)}${PROGRAM}`);
    return script;
  }
  const scripts = new Map<string, string>();

  return {
    /** How the process ended, and what it said last. */
    visit(release: string, { customer, card }: Visit): Promise<{ readonly code: number; readonly said: string }> {
      const script = scripts.get(release) ?? deploy(release);
      scripts.set(release, script);
      const env = { PATH: process.env['PATH'], DSN: dsn, RELEASE: release, CUSTOMER: customer, CARD: card };
      return new Promise((resolve) => {
        execFile(process.execPath, [script], { env, timeout: 30_000 }, (error, _out, said) => {
          resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, said });
        });
      });
    },
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export type ShopServer = ReturnType<typeof shopServer>;
