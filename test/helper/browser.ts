import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { build } from 'esbuild';
import { chromium, type Page } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** `CHROMIUM_PATH`, one on the path, or the one that Playwright has downloaded. */
function chromiumPath(): string | undefined {
  const { CHROMIUM_PATH, PATH = '' } = process.env;
  const onPath = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)));
  return [CHROMIUM_PATH, ...onPath, chromium.executablePath()].find((path) => path !== undefined && existsSync(path));
}

/** For a test that needs a browser: why it cannot run here. In CI it must. */
export const noBrowser = (): string | false =>
  chromiumPath() === undefined && process.env['CI'] !== 'true' ? 'no Chromium here: set CHROMIUM_PATH' : false;

interface Script {
  readonly contents: string;
  /** What its source is called in the map. */
  readonly sourcefile?: string;
  readonly minify?: boolean;
}

/** As a shop deploys it: everything in one file, with its map beside it. */
async function deployed({ contents, sourcefile = 'app.ts', minify = false }: Script) {
  const { outputFiles } = await build({
    stdin: { contents, sourcefile, resolveDir: import.meta.dirname, loader: 'ts' },
    bundle: true,
    minify,
    format: 'iife',
    sourcemap: 'external',
    outfile: join(import.meta.dirname, 'app.js'),
    write: false,
  });
  const text = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? '';
  return { bundle: text('.js'), map: text('.map') };
}

/** A page of a site of its own in a real Chromium, with this script as its bundle, `/app.js`. */
export async function browserPage(script: string | Script) {
  const { bundle, map } = await deployed(typeof script === 'string' ? { contents: script } : script);
  const site = createServer((request, response) => {
    const isScript = request.url === '/app.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? bundle : '<title>Shop</title><button id="pay">Pay</button><script src="/app.js"></script>');
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  const executablePath = chromiumPath();
  const browser = await chromium.launch({ ...(executablePath && { executablePath }), args: ['--no-sandbox'] });
  const page: Page = await browser.newPage();
  const url = `http://127.0.0.1:${String((site.address() as AddressInfo).port)}/`;
  await page.goto(url);
  return {
    page,
    url,
    /** The source map of the bundle, which the site does not serve. */
    map,
    async close(): Promise<void> {
      await browser.close();
      site.close();
    },
  };
}
