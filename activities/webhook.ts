import { lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { PlatformError } from '../domain/errors.js';
import { addressInHost, isPublicAddress } from '../domain/public-address.js';

/** What came of one try at telling somebody. */
export interface Sent {
  /** What the server answered; null where it did not come to that. */
  readonly status: number | null;
  /** The beginning of its answer. */
  readonly answer: string;
  /** Null: it has taken the message. */
  readonly failure: string | null;
  /** Trying again is in vain. */
  readonly isFinal: boolean;
  readonly retryAfterMs?: number | undefined;
}

export interface WebhookRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type SendWebhook = (request: WebhookRequest) => Promise<Sent>;

type Resolve = (
  hostname: string,
  options: LookupOptions & { readonly all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

interface Options {
  /** For instances whose receivers are in their own network, and for tests. */
  readonly allowPrivate: boolean;
  readonly timeoutMs?: number;
  readonly resolve?: Resolve;
}

const ANSWER_BYTES = 1024;
const MOST_RETRY_AFTER_MS = 3_600_000;
const NO_MORE = 410;

const refused = (what: string): PlatformError =>
  new PlatformError('FORBIDDEN', `${what} is not on the public internet, and WEBHOOK_ALLOW_PRIVATE is not set`);

/**
 * Posts webhooks, and never into our own network: the name is resolved here, once, and what is checked is what is
 * connected to, so a name that changes its mind gains nothing. Redirects are not followed, a proxy is not asked.
 */
export function webhookSender({ allowPrivate, timeoutMs = 10_000, resolve = systemLookup }: Options): SendWebhook {
  const lookup: LookupFunction = (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses as (LookupAddress | undefined)[];
      const isAllowed = allowPrivate || addresses.every(({ address }) => isPublicAddress(address));
      if (error) callback(error, []);
      else if (!isAllowed) callback(refused(hostname), []);
      else if (options.all === true) callback(null, addresses);
      else callback(null, first?.address ?? '', first?.family);
    });
  };

  return async ({ url, headers, body }) => {
    try {
      const target = new URL(url);
      // A literal address is connected to without a look-up.
      const literal = addressInHost(target.hostname);
      if (literal !== undefined && !allowPrivate && !isPublicAddress(literal)) throw refused(target.hostname);
      const answer = await post(target, body, {
        method: 'POST',
        agent: false,
        lookup,
        signal: AbortSignal.timeout(timeoutMs),
        headers: { 'user-agent': 'Experience', 'content-length': String(Buffer.byteLength(body)), ...headers },
      });
      return judge(answer);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const timedOut = error instanceof Error && error.name === 'AbortError';
      const failure = timedOut ? `no answer within ${String(timeoutMs / 1000)} s` : why;
      return { status: null, answer: '', failure, isFinal: error instanceof PlatformError };
    }
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly retryAfter: string | undefined;
}

function post(url: URL, body: string, options: RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let answered = false;
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options, (response) => {
      answered = true;
      void beginningOf(response).then((text) => {
        request.destroy();
        resolve({ status: response.statusCode ?? 0, text, retryAfter: response.headers['retry-after'] });
      });
    });
    request.on('error', (error) => {
      // From its first line on the answer stands, whenever its body ends.
      if (!answered) reject(error);
    });
    request.end(body);
  });
}

/** Of an answer that may be endless, or end in the middle: its status has told what counts. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= ANSWER_BYTES) break;
    }
  } catch {
    // What came until then is what there is.
  }
  return Buffer.concat(chunks).subarray(0, ANSWER_BYTES).toString('utf8').replaceAll('\0', '');
}

/** As Standard Webhooks recommends: 2xx is taken, 410 wants no more, anything else is tried again. */
function judge({ status, text, retryAfter }: Answer): Sent {
  if (status >= 200 && status < 300) return { status, answer: text, failure: null, isFinal: true };
  const seconds = Number(retryAfter);
  const retryAfterMs = seconds > 0 ? Math.min(seconds * 1000, MOST_RETRY_AFTER_MS) : undefined;
  const failure =
    status >= 300 && status < 400 ? `redirects are not followed (${String(status)})` : `answered ${String(status)}`;
  return { status, answer: text, failure, isFinal: status === NO_MORE, retryAfterMs };
}

/** Whether the receiver has said that it wants no more messages at all. */
export const wantsNoMore = ({ status }: Sent): boolean => status === NO_MORE;
