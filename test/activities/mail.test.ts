import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { mailSender } from '../../activities/mail.js';
import { escaping } from '../helper/escaping.js';

interface Letter {
  readonly from: string;
  readonly to: readonly string[];
  readonly text: string;
}

/** A real SMTP server that keeps what it is sent. */
async function postOffice(t: TestContext, options: SMTPServerOptions = {}) {
  const letters: Letter[] = [];
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        const text = Buffer.concat(chunks).toString();
        letters.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          text,
        });
        done();
      });
    },
    ...options,
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise<void>((resolve) => server.close(resolve)));
  const { port } = server.server.address() as AddressInfo;
  return { letters, url: `smtp://127.0.0.1:${String(port)}` };
}

const from = 'Experience <alerts@example.com>';
const letter = { id: 'msg_1', to: ['a@example.com', 'b@example.com'], subject: 'Hello', text: 'Line one\nLine two\n' };

describe('mail', () => {
  it('reaches all recipients as plain text, under an id that stays the same', async (t) => {
    const { url, letters } = await postOffice(t);
    const sent = await mailSender({ url, from })(letter);
    assert.deepEqual([sent.status, sent.failure, sent.isFinal], [250, null, true]);
    assert.equal(letters.length, 1);
    const [got] = letters;
    assert.equal(got?.from, 'alerts@example.com');
    assert.deepEqual(got.to, letter.to);
    assert.match(got.text, /^Message-ID: <msg_1@example\.com>\r$/im);
    assert.match(got.text, /^Content-Type: text\/plain/im);
    assert.match(got.text, /Line one\r\nLine two/);
  });

  it('has one subject line, whatever stands in it', async (t) => {
    const { url, letters } = await postOffice(t);
    const subject = 'Error: x\r\nBcc: victim@example.com\n\nbody';
    await mailSender({ url, from })({ ...letter, subject });
    const [head = ''] = letters[0]?.text.split('\r\n\r\n') ?? [];
    assert.match(head, /^Subject: Error: x Bcc: victim@example\.com body\r?$/m);
    assert.doesNotMatch(head, /^Bcc:/im);
    assert.deepEqual(letters[0]?.to, letter.to);
  });

  it('reads no file and fetches nothing', async (t) => {
    const { url, letters } = await postOffice(t);
    const text = { path: import.meta.filename } as unknown as string;
    const sent = await mailSender({ url, from })({ ...letter, text });
    assert.notEqual(sent.failure, null);
    assert.equal(letters.length, 0);
  });

  it('is tried again after a refusal for now, not after one for good', async (t) => {
    const refuse = (responseCode: number): SMTPServerOptions => ({
      onRcptTo: (_address, _session, done) => done(Object.assign(new Error('no'), { responseCode })),
    });
    const later = await postOffice(t, refuse(451));
    const never = await postOffice(t, refuse(550));
    const one = await mailSender({ url: later.url, from })(letter);
    const other = await mailSender({ url: never.url, from })(letter);
    assert.deepEqual([one.status, one.isFinal], [451, false]);
    assert.deepEqual([other.status, other.isFinal], [550, true]);
  });

  it('counts as sent when somebody gets it, and says who does not', async (t) => {
    const { url, letters } = await postOffice(t, {
      onRcptTo: ({ address }, _session, done) =>
        address === 'a@example.com' ? done() : done(Object.assign(new Error('no'), { responseCode: 550 })),
    });
    const sent = await mailSender({ url, from })(letter);
    assert.equal(sent.failure, null);
    assert.match(sent.answer, /not taken for b@example\.com/);
    assert.deepEqual(letters[0]?.to, ['a@example.com']);
  });

  it('is tried again when the server is away', async () => {
    const sent = await mailSender({ url: 'smtp://127.0.0.1:1', from })(letter);
    assert.match(sent.failure ?? '', /ECONNREFUSED/);
    assert.equal(sent.isFinal, false);
  });
});

/** What answers each line of the client; the first call is the connection itself. */
type Misbehaviour = (socket: Socket, line: string) => void;

const GREETING = '220 hello\r\n';
const upTo =
  (verb: string, then: (socket: Socket) => void): Misbehaviour =>
  (socket, line) => {
    if (line === '') socket.write(GREETING);
    else if (line.startsWith(verb)) then(socket);
    else socket.write(line.startsWith('EHLO') ? '250-hello\r\n250 STARTTLS\r\n' : '250 ok\r\n');
  };

describe('a mail server that', () => {
  const SERVERS: Readonly<Record<string, Misbehaviour>> = {
    'hangs up at once': (socket) => socket.destroy(),
    'resets at once': (socket) => socket.resetAndDestroy(),
    'speaks no SMTP': (socket) => socket.write('HTTP/1.1 200 OK\r\n\r\n'),
    'resets at the hello': upTo('EHLO', (socket) => socket.resetAndDestroy()),
    'cannot do the TLS that it offers': upTo('STARTTLS', (socket) => socket.write('220 go\r\n\0\0garbage\r\n')),
    'resets in the TLS that it offers': upTo('STARTTLS', (socket) => {
      socket.write('220 go\r\n', () => setTimeout(() => socket.resetAndDestroy(), 20));
    }),
    'answers more than it is asked': (socket) =>
      socket.write(`${GREETING}250 ok\r\n250 ok\r\n500 no\r\n500 no\r\n`, () => socket.end()),
  };
  for (const [what, answer] of Object.entries(SERVERS))
    it(`${what} is a failed attempt`, async (t) => {
      const escaped = escaping(t);
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        t.after(() => socket.destroy());
        socket.on('data', (bytes) => answer(socket, bytes.toString()));
        answer(socket, '');
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      t.after(() => server.close());
      const { port } = server.address() as AddressInfo;
      const sent = await mailSender({ url: `smtp://127.0.0.1:${String(port)}`, from, allMs: 5_000 })(letter);
      assert.notEqual(sent.failure, null);
      assert.deepEqual(await escaped(), []);
    });

  it('has no address is a failed attempt', async (t) => {
    const escaped = escaping(t);
    const sent = await mailSender({ url: 'smtp://mail.invalid', from })(letter);
    assert.match(sent.failure ?? '', /mail\.invalid/);
    assert.equal(sent.isFinal, false);
    assert.deepEqual(await escaped(), []);
  });
});
