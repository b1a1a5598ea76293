import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formReader, isForm } from '../../api/ingest/form-data.js';
import { refusal } from '../helper/refusal.js';

/** @param size of the pieces in which the form comes in; its name comes in the first */
function read(form: string, size: number): Buffer {
  const reader = formReader();
  const bytes = Buffer.from(form);
  const pieces = [reader.push(bytes.subarray(0, 5 + size))];
  for (let at = 5 + size; at < bytes.length; at += size) pieces.push(reader.push(bytes.subarray(at, at + size)));
  return Buffer.concat([...pieces, reader.end()]);
}

describe('a form that a page sends while it closes', () => {
  it('holds what was put into it, however it is escaped and cut into pieces', () => {
    const escapes = fc.constantFrom<(base64: string) => string>(
      (base64) => base64,
      encodeURIComponent,
      (base64) => base64.replace(/./g, (each) => `%${each.charCodeAt(0).toString(16)}`),
    );
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 100 }),
        escapes,
        fc.integer({ min: 1, max: 20 }),
        (content, escape, size) => {
          const base64 = escape(Buffer.from(content).toString('base64'));
          for (const rest of ['', '&compression=base64', '&%'])
            assert.deepEqual(read(`data=${base64}${rest}`, size), Buffer.from(content));
        },
      ),
    );
  });

  it('is refused where an escape is none', () => {
    for (const form of ['data=%', 'data=%4', 'data=YQ%zz', 'data=%%41'])
      for (const size of [1, 2, 100]) assert.throws(() => read(form, size), refusal('BODY_MALFORMED'), form);
  });

  it('is known by its beginning', () => {
    assert.deepEqual(
      ['data=', 'data=YQ', 'data', 'DATA=', '{"data=', ''].map((text) => isForm(Buffer.from(text))),
      [true, true, false, false, false, false],
    );
  });
});
