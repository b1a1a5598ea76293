import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isOwnSource, mappable, pathKey, shownPath, tidySource } from '../../domain/source-path.js';

describe('the path of a bundle', () => {
  const same: readonly [key: string | undefined, ...files: string[]][] = [
    [
      '/static/app.js',
      'https://cdn.example.com/static/app.js',
      'http://localhost:3000/static/app.js?v=1&x=/y#z',
      '/static/app.js',
      '~/static/app.js',
      'static/app.js',
      './static/app.js',
      '//static//app.js',
      'app:///static/app.js',
    ],
    ['/srv/app/index.js', 'file:///srv/app/index.js', '/srv/app/index.js'],
    ['/C:/app/index.js', 'C:\\app\\index.js', 'file:///C:/app/index.js'],
    ['/a b/ü.js', '~/a b/ü.js'],
    [undefined, '', '/', '~/', 'https://example.com', 'https://example.com/?a', `/${'x'.repeat(2_000)}`],
  ];
  for (const [key, ...files] of same) {
    it(`is ${key ?? 'none'} for ${files[0] ?? ''}`, () => {
      for (const file of files) assert.equal(pathKey(file), key, file);
    });
  }

  it('is shown as it may be given again', () => {
    assert.equal(pathKey(shownPath('/static/app.js')), '/static/app.js');
  });
});

describe('a frame', () => {
  const files: readonly [file: string, kind: ReturnType<typeof mappable>][] = [
    ['https://example.com/app.js', 'url'],
    ['https://example.com/', 'url'],
    ['app:///index.android.bundle', 'url'],
    ['capacitor://localhost/main.js?x', 'url'],
    ['file:///srv/app/index.mjs', 'file'],
    ['/srv/app/index.cjs', 'file'],
    ['C:\\app\\index.js', 'file'],
    ['node:internal/modules/run_main', undefined],
    ['node:fs', undefined],
    ['chrome-extension://abc/inject.js', undefined],
    ['moz-extension://abc/inject.js', undefined],
    ['webpack-internal:///./src/app.js', undefined],
    ['blob:https://example.com/1234', undefined],
    ['<anonymous>', undefined],
    ['native', undefined],
    ['', undefined],
    ['main.py', undefined],
    ['nodes/app.js', 'file'],
  ];
  for (const [file, kind] of files) {
    it(`of ${file || 'nowhere'} ${kind === undefined ? 'needs no map' : `lies in a bundle by ${kind}`}`, () => {
      assert.equal(mappable(file), kind);
    });
  }
});

describe('an original source', () => {
  const sources: readonly [source: string, tidy: string, own: boolean][] = [
    ['webpack://shop/./src/cart.ts?1a2b', 'src/cart.ts', true],
    ['webpack:///src/cart.ts', 'src/cart.ts', true],
    ['webpack:///./~/lodash/index.js', '~/lodash/index.js', true],
    ['webpack://shop/../node_modules/lodash/index.js', 'node_modules/lodash/index.js', false],
    ['webpack://shop/webpack/runtime/chunk loaded', 'webpack/runtime/chunk loaded', false],
    ['webpack://shop/(webpack)/buildin/global.js', 'webpack/buildin/global.js', false],
    ['turbopack://[project]/src/page.tsx', 'src/page.tsx', true],
    ['turbopack:///[project]/node_modules/next/x.js', '[project]/node_modules/next/x.js', false],
    ['../../src/cart.ts', 'src/cart.ts', true],
    ['/home/ci/shop/src/cart.ts', '/home/ci/shop/src/cart.ts', true],
    ['file:///home/ci/shop/src/cart.ts', 'file:///home/ci/shop/src/cart.ts', true],
    ['/home/ci/shop/node_modules/a/b.js', '/home/ci/shop/node_modules/a/b.js', false],
  ];
  for (const [source, tidy, own] of sources) {
    it(`${source} is shown as ${tidy}, ${own ? 'the app’s own' : 'not the app’s own'}`, () => {
      assert.equal(tidySource(source), tidy);
      assert.equal(isOwnSource(tidy), own);
    });
  }
});
