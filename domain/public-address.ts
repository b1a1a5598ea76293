import ipaddr from 'ipaddr.js';

const GLOBAL_IPV6: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse('2000::'), 3];

/**
 * Whether an IP address is one of the public internet. Everything else is not: private, loopback, link-local (cloud
 * metadata), shared, multicast, reserved, and IPv6 forms that carry an IPv4 address within (mapped, NAT64, 6to4, Teredo),
 * whatever that one is.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== 'unicast') return false;
  return parsed.kind() === 'ipv4' || parsed.match(GLOBAL_IPV6);
}

/** The IP address that a URL's host is, if it is no name; `URL` has made one form of all notations by then. */
export function addressInHost(hostname: string): string | undefined {
  const bare = hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname;
  return ipaddr.isValid(bare) ? bare : undefined;
}
