import ipaddr from 'ipaddr.js';
import { isPublicAddress } from './public-address.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;

/** Addresses that begin alike: the first of them, and how many bits they share. */
export type Network = readonly [Address, number];

/** What a request says about where it comes from. */
export interface Hops {
  /** The other end of the connection. */
  readonly peer: string | undefined;
  /** `X-Forwarded-For`: each proxy adds at the right whom it was asked by. */
  readonly forwardedFor: string | undefined;
}

interface Client {
  /** Who is counted: an IPv4 address, or the /64 of an IPv6 one. Undefined where it cannot be told. */
  readonly address: string | undefined;
  /** Whether a proxy seems to stand in front that nobody has named. */
  readonly isBehindUnknownProxy: boolean;
}

/** Longer ways are none: whoever writes them wants them to be read. */
const MOST_HOPS = 20;
const WITH_PORT = /^\[([^\]]*)\](?::\d{1,5})?$|^([\d.]+):\d{1,5}$/;
/** In IPv6, a customer is given 64 bits or more to choose from. */
const IPV6_GROUPS = 4;

/** A CIDR, or one address; undefined for anything else. */
export function networkOf(text: string): Network | undefined {
  const [base = '', bits, ...rest] = text.split('/');
  const address = parsed(base);
  if (address === undefined || rest.length > 0) return undefined;
  const most = address.kind() === 'ipv4' ? 32 : 128;
  if (bits === undefined) return [address, most];
  return /^\d{1,3}$/.test(bits) && Number(bits) <= most ? [address, Number(bits)] : undefined;
}

/**
 * Who has sent a request. Only what a trusted proxy says of its client is believed, so `X-Forwarded-For` is read from
 * the right, up to the first address that is not trusted; what stands left of it, anybody may have written.
 * @param trusted the proxies; without any, a peer of our own network that forwards is one that nobody has named
 */
export function clientOf({ peer, forwardedFor }: Hops, trusted: readonly Network[]): Client {
  let address = parsed(peer ?? '');
  if (address === undefined) return { address: undefined, isBehindUnknownProxy: false };
  if (trusted.length === 0 && forwardedFor !== undefined && !isPublicAddress(address.toString())) {
    return { address: undefined, isBehindUnknownProxy: true };
  }
  let left = forwardedFor;
  for (let hop = 0; hop < MOST_HOPS && left !== undefined && isWithin(address, trusted); hop++) {
    const comma = left.lastIndexOf(',');
    const before = parsed(left.slice(comma + 1).trim());
    if (before === undefined) break;
    address = before;
    left = comma === -1 ? undefined : left.slice(0, comma);
  }
  return { address: counted(address), isBehindUnknownProxy: false };
}

/** IPv4 in its usual notation only; an IPv6 address that stands for an IPv4 one is that one. */
function parsed(text: string): Address | undefined {
  const match = WITH_PORT.exec(text);
  const bare = match?.[1] ?? match?.[2] ?? text;
  if (ipaddr.IPv4.isValidFourPartDecimal(bare)) return ipaddr.IPv4.parse(bare);
  return ipaddr.IPv6.isValid(bare) ? ipaddr.process(bare) : undefined;
}

const isWithin = (address: Address, networks: readonly Network[]): boolean =>
  networks.some(([base, bits]) => address.kind() === base.kind() && address.match([base, bits] as never));

function counted(address: Address): string {
  if (!('parts' in address)) return address.toString();
  const groups = address.parts.slice(0, IPV6_GROUPS).map((group) => group.toString(16));
  return `${groups.join(':')}::/64`;
}
