import { ADDRCONFIG, lookup as systemLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { PlatformError } from '../domain/errors.js';
import { addressInHost, isPublicAddress } from '../domain/public-address.js';
import { withoutUrl } from './without-url.js';

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

const ANSWER_CHARACTERS = 1024;
/** More than is kept: of a secret that the end cuts in two, nothing would be recognised. */
const READ_BYTES = ANSWER_CHARACTERS + 4_096;
const MOST_RETRY_AFTER_MS = 3_600_000;
const NO_MORE = 410;

const refused = (what: string): PlatformError =>
  new PlatformError('FORBIDDEN', `${what} is not on the public internet, and WEBHOOK_ALLOW_PRIVATE is not set`);

/**
 * Posts webhooks, and never into our own network: the name is resolved here, once, and what is checked is what is
 * connected to, so a name that changes its mind gains nothing. Redirects are not followed, a proxy is not asked. Of
 * the URL, what comes of an attempt tells only where it leads.
 */
export function webhookSender({ allowPrivate, timeoutMs = 10_000, resolve = systemLookup }: Options): SendWebhook {
  return async ({ url, headers, body }) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const hide = withoutUrl(url);
    try {
      const target = new URL(url);
      const addresses = await inTime(addressesOf(target.hostname, resolve), signal);
      if (!allowPrivate && !addresses.every(({ address }) => isPublicAddress(address))) throw refused(target.hostname);
      const answer = await post(target, body, {
        method: 'POST',
        agent: false,
        lookup: alreadyFound(addresses),
        signal,
        headers: { 'user-agent': 'Experience', 'content-length': String(Buffer.byteLength(body)), ...headers },
      });
      return judge({ ...answer, text: hide(answer.text).slice(0, ANSWER_CHARACTERS) });
    } catch (error) {
      const why = hide(error instanceof Error ? error.message : String(error));
      const failure = signal.aborted ? `no answer within ${String(timeoutMs / 1000)} s` : why;
      return { status: null, answer: '', failure, isFinal: error instanceof PlatformError };
    }
  };
}

/** A literal address is its own; anything else is asked for. Whatever the resolver does, it is this promise that fails. */
async function addressesOf(hostname: string, resolve: Resolve): Promise<readonly LookupAddress[]> {
  const literal = addressInHost(hostname);
  if (literal !== undefined) return [{ address: literal, family: isIP(literal) }];
  const found = await new Promise<unknown>((settle, reject) => {
    resolve(hostname, { all: true, hints: ADDRCONFIG }, (error, addresses: unknown) => {
      // It says what it likes of its own failure; nothing is read from what it gives beside it.
      if (error) reject(error);
      else settle(addresses);
    });
  });
  const addresses = (Array.isArray(found) ? found : []).flatMap((each: Partial<LookupAddress> | null) => {
    const address = String(each?.address);
    return isIP(address) === 0 ? [] : [{ address, family: isIP(address) }];
  });
  if (addresses.length === 0) throw new Error(`${hostname} has no address`);
  return addresses;
}

/** The work's result, or a rejection once the signal comes: nobody waits longer, whatever becomes of the work. */
export async function inTime<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const late = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('too late')), { once: true });
  });
  return Promise.race([work, late]);
}

/** What a connection is told when it asks where to go. It asks outside any promise, so nothing here can fail. */
const alreadyFound =
  (addresses: readonly LookupAddress[]): LookupFunction =>
  (_hostname, { all }, callback) => {
    const [first] = addresses;
    if (all === true) callback(null, [...addresses]);
    else callback(null, first?.address ?? '', first?.family);
  };

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
      // From its first line on the answer stands, whenever and however its body ends.
      response.on('error', () => undefined);
      beginningOf(response)
        .then((text) => {
          request.destroy();
          resolve({ status: response.statusCode ?? 0, text, retryAfter: response.headers['retry-after'] });
        })
        .catch(reject);
    });
    request.on('error', (error) => {
      if (!answered) reject(error);
    });
    // A receiver that switches to another protocol causes neither an answer nor an error.
    request.on('close', () => {
      if (!answered) reject(new Error('the connection was closed without an answer'));
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
      if (bytes >= READ_BYTES) break;
    }
  } catch {
    // What came until then is what there is.
  }
  return Buffer.concat(chunks).subarray(0, READ_BYTES).toString('utf8').replaceAll('\0', '');
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
