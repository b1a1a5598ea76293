const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/([^/:?#@\s[\]]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/;
const PATTERN = /^(?:([a-z][a-z0-9+.-]*):\/\/)?\*\.([a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::(\d{1,5}))?$/;
const DEFAULT_PORTS: ReadonlyMap<string, string> = new Map([
  ['http', '80'],
  ['https', '443'],
]);

interface Origin {
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
}

function parse(value: string): Origin | undefined {
  const match = ORIGIN.exec(value.toLowerCase());
  if (match === null) return undefined;
  const [, scheme = '', host = '', port] = match;
  return { scheme, host, port: port ?? DEFAULT_PORTS.get(scheme) ?? '' };
}

/** `https://app.example.com`, `capacitor://localhost`, `*.example.com` or `https://*.example.com:8443`. */
export function isOriginPattern(value: string): boolean {
  if (value.length > 300) return false;
  return PATTERN.test(value.toLowerCase()) || (!value.includes('*') && parse(value) !== undefined);
}

function matches(pattern: string, origin: Origin): boolean {
  const wildcard = PATTERN.exec(pattern.toLowerCase());
  if (wildcard === null) {
    const exact = parse(pattern);
    return exact?.scheme === origin.scheme && exact.host === origin.host && exact.port === origin.port;
  }
  const [, scheme, domain = '', port] = wildcard;
  if (!origin.host.endsWith(`.${domain}`)) return false;
  // `*.example.com` says nothing about scheme and port; `https://*.example.com` means https at its own port.
  if (scheme === undefined) return port === undefined || port === origin.port;
  return scheme === origin.scheme && (port ?? DEFAULT_PORTS.get(scheme) ?? '') === origin.port;
}

/**
 * Whether a request with this `Origin` header may use a key. No list: any. No header: a server or a native
 * app, which could write any header it likes, so a list can only ever bind browsers.
 */
export function originAllowed(patterns: readonly string[], header: string | undefined): boolean {
  if (patterns.length === 0 || header === undefined) return true;
  const origin = parse(header);
  return origin !== undefined && patterns.some((pattern) => matches(pattern, origin));
}
