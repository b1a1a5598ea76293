import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shownExceptions, statedExceptions } from '../../domain/shown-exceptions.js';

const STATED = {
  exceptions: [],
  stackTrace: '',
  errorType: 'runtime',
  message: 'broken',
  sourceFile: '',
  line: 0,
  column: 0,
  release: '1.0.0',
};
const frame = (file: string, line = 3, column = 7) => ({ file, module: '', function: 'f', line, column, inApp: true });
const exception = (...frames: ReturnType<typeof frame>[]) => ({
  type: 'TypeError',
  value: 'broken',
  synthetic: false,
  handled: null,
  frames,
});

describe('what an occurrence states of its exceptions', () => {
  it('is what was sent, else the text of the stack, else the one place that is named', () => {
    const sent = [exception(frame('a.js'))];
    assert.equal(statedExceptions({ ...STATED, exceptions: sent, stackTrace: 'Error: no' }), sent);
    const [parsed] = statedExceptions({
      ...STATED,
      stackTrace: 'RangeError: far\n    at go (https://x.example/a.js:1:2)',
    });
    assert.deepEqual([parsed?.type, parsed?.frames[0]?.function], ['RangeError', 'go']);
    const [placed] = statedExceptions({ ...STATED, sourceFile: 'https://x.example/a.js', line: 4, column: 5 });
    assert.deepEqual([placed?.value, placed?.frames[0]?.line], ['broken', 4]);
    assert.deepEqual(statedExceptions(STATED)[0]?.frames, []);
  });
});

describe('what people are shown of them', () => {
  const reasons = (frames: ReturnType<typeof frame>[], release = '1.0.0') =>
    shownExceptions({ ...STATED, release, exceptions: [exception(...frames)] })[0]?.frames.map(
      ({ unresolved }) => unresolved,
    );

  it('says of each frame of a bundle why it is not resolved, and nothing of others', () => {
    const bundle = 'https://x.example/app.js';
    const frames = [frame(bundle), frame(bundle, 0, 0), frame('/srv/app/index.js'), frame('node:fs')];
    assert.deepEqual(reasons(frames), ['NO_SOURCE_MAP', 'NO_POSITION', undefined, undefined]);
    assert.deepEqual(reasons([frame(bundle)], ''), ['NO_RELEASE_OR_DEBUG_ID']);
    const withId = { ...frame('/srv/app/index.js'), debugId: '01234567-89ab-cdef-0123-456789abcdef' };
    assert.deepEqual(reasons([withId], ''), ['NO_SOURCE_MAP']);
  });

  it('leaves what was found when it was stored', () => {
    const minified = { file: 'https://x.example/app.js', function: 'o', line: 1, column: 1 };
    const resolved = { ...frame('src/cart.ts'), minified };
    const failed = { ...frame('https://x.example/app.js'), unresolved: 'SOURCE_MAP_INVALID' as const };
    const exceptions = [exception(resolved, failed)];
    assert.deepEqual(shownExceptions({ ...STATED, exceptions }), exceptions);
  });
});
