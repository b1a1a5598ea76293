import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isBundleName, isOwnFile, normaliseFile } from '../../domain/source-file.js';

describe('normaliseFile', () => {
  const same: readonly [what: string, normalised: string, ...files: string[]][] = [
    [
      'webpack and Parcel',
      'static/js/main.js',
      'https://shop.example/static/js/main.3f2a9c1b.js',
      'https://cdn.example/static/js/main.9d8e7f6a.js?v=2#x',
      'http://127.0.0.1:8080/static/js/main.0123456789abcdef0123.js',
    ],
    ['chunks of webpack', 'js/vendors~main.chunk.js', '/js/vendors~main.3f2a9c1b.chunk.js'],
    [
      'chunks with a number for a name',
      'js/*.chunk.js',
      'https://h/js/123.abcdef12.chunk.js',
      'https://h/js/7.chunk.js',
    ],
    [
      'Vite and Rollup',
      'assets/index.js',
      'https://h/assets/index-BxYz12_a.js',
      'https://h/assets/index-Bx-z12_a.js',
      'https://h/assets/index-DGFhsAbc.js',
    ],
    ['esbuild', 'chunk.mjs', 'https://h/chunk-ABCDEFGH.mjs', 'https://h/chunk-Z2Y3X4W5.mjs'],
    ['Nuxt', '_nuxt/*.js', 'https://h/_nuxt/BxYz12_a.js', 'https://h/_nuxt/Dq3FhsAb.js'],
    ['SvelteKit', 'app/immutable/start.js', 'https://h/app/immutable/start.BxYz12_a.js'],
    ['Next.js', '_next/static/chunks/pages/index.js', 'https://h/_next/static/chunks/pages/index-3f2a9c1b8d7e6f5a.js'],
    [
      "Next.js's build folder",
      '_next/static/_buildManifest.js',
      'https://h/_next/static/VXk3wTtQ-8cE9-lkjsd/_buildManifest.js',
      'https://h/_next/static/abcdefghijk/_buildManifest.js',
    ],
    [
      'a folder of a version',
      'app.js',
      'https://h/v1.2.3/app.js',
      'https://h/1.2.4/app.js',
      'https://h/20240501/app.js',
    ],
    ['a folder with a hash', 'build/app.js', 'https://h/build-8f3a2b1c/app.js', 'https://h/build-0a1b2c3d4e/app.js'],
    ['a library with its version', 'js/jquery.min.js', '/js/jquery-3.6.0.min.js', '/js/jquery-3.7.1.min.js'],
    [
      'a source behind a map',
      'src/cart.ts',
      'webpack:///./src/cart.ts?1a2b',
      'webpack://shop/src/cart.ts',
      'webpack-internal:///(app-pages-browser)/./src/cart.ts',
      'turbopack:///[project]/src/cart.ts',
      '../../src/cart.ts',
      'src/cart.ts',
    ],
    [
      'a directory that is deployed to',
      'dist/api/cart.js',
      '/srv/shop/releases/20240501120000/dist/api/cart.js',
      '/usr/src/app/dist/api/cart.js',
      '/app/dist/api/cart.js',
      'file:///home/bob/shop/dist/api/cart.js',
      'C:\\Users\\bob\\shop\\dist\\api\\cart.js',
      'file:///C:/shop/dist/api/cart.js',
    ],
    ['a directory without a known root', 'shop/server.js', '/home/bob/shop/server.js', '/opt/shop/server.js'],
    [
      'an installed package',
      'express/lib/router.js',
      '/app/node_modules/express/lib/router.js',
      '/srv/x/node_modules/.pnpm/express@4.18.2/node_modules/express/lib/router.js',
    ],
    ["Node's own", 'node:internal/timers', 'node:internal/timers'],
    ['no file', '', '', '<anonymous>', '[native code]', 'native', '(native)'],
    [
      'a page with inline script',
      '',
      'https://h/',
      'https://h/orders/123',
      'https://h/a.b/page.html',
      'https://h/x.php?y',
    ],
    ['text that became code', 'blob', 'blob:https://h/7d444840-9dc0-11d1-b245-5ffdce74fad2'],
    ['WebAssembly', 'wasm', 'wasm://wasm/5f2e91aa'],
  ];
  for (const [what, normalised, ...files] of same) {
    it(`knows ${what} by ${normalised === '' ? 'nothing' : normalised}`, () => {
      for (const file of files) assert.equal(normaliseFile(file), normalised, file);
    });
  }

  const kept = [
    'js/user-settings.js',
    'js/Checkout.js',
    'js/UserList.js',
    'js/Version2.js',
    'js/UserProfileCard2.js',
    'js/user-profile-page-2.js',
    'js/report-2024.js',
    'js/decade.js',
    'src/my-DataGrid.tsx',
    'src/orders/[id].vue',
  ];
  for (const file of kept) it(`leaves ${file} as it is`, () => assert.equal(normaliseFile(file), file));

  it('answers with the end of a path that is too long', () => {
    const normalised = normaliseFile(`${'folder/'.repeat(100)}cart.ts`);
    assert.equal(normalised.length, 200);
    assert.ok(normalised.endsWith('/folder/cart.ts'));
  });
});

describe('isOwnFile', () => {
  const own = [
    'https://h/app.js',
    '/srv/shop/dist/cart.js',
    'webpack:///./src/cart.ts',
    'webpack-internal:///./src/cart.ts',
    'capacitor://localhost/app.js',
    'app.js',
    'wasm://wasm/5f2e91aa',
    '/srv/node_modules_of_ours/cart.js',
  ];
  for (const file of own) it(`says yes to ${file}`, () => assert.equal(isOwnFile(file), true));

  const foreign = [
    '',
    '<anonymous>',
    '[native code]',
    '(native)',
    'node:fs',
    'node:internal/modules/cjs/loader',
    'internal/process/next_tick.js',
    '/srv/shop/node_modules/express/lib/router.js',
    'C:\\shop\\node_modules\\express\\index.js',
    'webpack:///./node_modules/react-dom/index.js',
    'webpack:///~/lodash/map.js',
    'webpack:///webpack/bootstrap',
    'webpack:///(webpack)/buildin/module.js',
    'node_modules/x/y.js',
    'chrome-extension://abc/content.js',
    'moz-extension://abc/content.js',
    'safari-web-extension://abc/content.js',
    'safari-extension://abc/content.js',
    'webkit-masked-url://hidden/',
    'ms-browser-extension://abc/x.js',
    'chrome://global/content/x.js',
    'resource://gre/modules/x.js',
    'debugger eval code',
  ];
  for (const file of foreign) it(`says no to '${file}'`, () => assert.equal(isOwnFile(file), false));
});

describe('isBundleName', () => {
  it('knows a bundle by a hash, a number or `.min`', () => {
    for (const file of ['https://h/main.3f2a9c1b.js?v=1', 'a/index-BxYz12_a.js', '/js/7.js', '/js/lib.min.js'])
      assert.equal(isBundleName(file), true, file);
    for (const file of ['https://h/main.js', 'src/cart.ts', '/srv/app/server.mjs', ''])
      assert.equal(isBundleName(file), false, file);
  });
});
