import { PlatformError } from '../../domain/errors.js';

const FORM = 'data=';

/** Whether it is the form that a page sends while it closes. */
export const isForm = (body: Uint8Array): boolean =>
  Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, FORM.length)).toString('latin1') === FORM;

/** The bytes that stand as base64 in a form's only field, as its own bytes come in. */
export function formReader() {
  /** What of the form is not read yet: its name, half of an escape. */
  let text = '';
  /** Less than four characters. */
  let base64 = '';
  let isNamed = true;
  let isOver = false;

  return {
    /** @throws PlatformError BODY_MALFORMED */
    push(bytes: Uint8Array): Buffer {
      if (isOver) return Buffer.alloc(0);
      text += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
      if (isNamed) text = text.slice(FORM.length);
      isNamed = false;
      const end = text.indexOf('&');
      isOver = end !== -1;
      const half = isOver ? -1 : text.indexOf('%', text.length - 2);
      const whole = isOver ? end : half === -1 ? text.length : half;
      base64 += text
        .slice(0, whole)
        .replace(/%([0-9a-f]{2})?/gi, (_escape, hex?: string) => {
          if (hex === undefined) throw new PlatformError('BODY_MALFORMED', 'the form cannot be read');
          return String.fromCharCode(Number.parseInt(hex, 16));
        })
        .replace(/[^A-Za-z0-9+/_-]/g, '');
      text = text.slice(whole);
      const quads = base64.length - (base64.length % 4);
      const read = Buffer.from(base64.slice(0, quads), 'base64');
      base64 = base64.slice(quads);
      return read;
    },

    /** What is left. @throws PlatformError BODY_MALFORMED */
    end(): Buffer {
      if (!isOver && text !== '') throw new PlatformError('BODY_MALFORMED', 'the form cannot be read');
      return Buffer.from(base64, 'base64');
    },
  };
}
