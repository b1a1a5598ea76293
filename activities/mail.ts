import { createTransport } from 'nodemailer';
import { inTime, type Sent } from './webhook.js';

export interface Mail {
  /** The same for the same message, so that a mailbox that gets it twice can tell. */
  readonly id: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
}

export type SendMail = (mail: Mail) => Promise<Sent>;

const TIMEOUT_MS = 10_000;
/** Of the whole conversation: some that a server leads come to no end of their own. */
const ALL_MS = 30_000;
const ANSWER_CHARACTERS = 1024;
/** SMTP's codes from here on are final. */
const FINAL = 500;

interface Options {
  readonly url: string;
  readonly from: string;
  readonly allMs?: number;
}

/** Sends by the SMTP server that `smtp://user:password@host:port` names. Plain text, nothing fetched from anywhere. */
export function mailSender({ url, from, allMs = ALL_MS }: Options): SendMail {
  const timeouts = { connectionTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS };
  const transport = createTransport({ url, ...timeouts, disableFileAccess: true, disableUrlAccess: true });
  const domain = from.replace(/^.*@|>.*$/g, '');

  return async ({ id, to, subject, text }) => {
    const signal = AbortSignal.timeout(allMs);
    try {
      const sending = transport.sendMail({
        messageId: `<${id}@${domain}>`,
        from,
        to: [...to],
        // One line, whatever an error's message holds.
        subject: subject.replace(/\s+/g, ' '),
        text,
        headers: { 'Auto-Submitted': 'auto-generated' },
      });
      const sent = await inTime(sending, signal);
      const rejected = sent.rejected.length > 0 ? `; not taken for ${sent.rejected.map(String).join(', ')}` : '';
      return { status: statusOf(sent.response), answer: cut(sent.response + rejected), failure: null, isFinal: true };
    } catch (error) {
      const status = responseCodeOf(error);
      const why = cut(error instanceof Error ? error.message : String(error));
      const failure = signal.aborted ? `no answer within ${String(allMs / 1000)} s` : why;
      return { status, answer: '', failure, isFinal: status !== null && status >= FINAL };
    }
  };
}

const cut = (text: string): string => text.slice(0, ANSWER_CHARACTERS);

const statusOf = (response: string): number | null => Number(/^\d{3}/.exec(response)?.[0] ?? NaN) || null;

function responseCodeOf(error: unknown): number | null {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'responseCode') : undefined;
  return typeof code === 'number' ? code : null;
}
