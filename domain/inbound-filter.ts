import type { FilterConfig } from './app.js';
import { globs } from './glob.js';
import type { Exception, Occurrence } from './occurrence.js';

type DropReason = 'browser_extension' | 'localhost' | 'release' | 'message';

const EXTENSION_URL = /^(?:[\w.]{0,64}@)?(?:chrome|moz|safari|safari-web|ms-browser|edge|opera)-extension:\/\//i;
const EXTENSION_IN_STACK = /(?:chrome|moz|safari|safari-web|ms-browser|edge|opera)-extension:\/\//i;

/** What extensions and the programs that embed a browser throw into pages, with no frame that would tell. */
const EXTENSION_MESSAGE = new RegExp(
  [
    'Extension context invalidated',
    'A listener indicated an asynchronous response by returning true, but the message channel closed',
    'Could not establish connection\\. Receiving end does not exist',
    'The message port closed before a response was received',
    "Can't find variable: (?:gmo|_AutofillCallbackHandler|instantSearchSDKJSBridgeClearHighlight|DarkReader)",
    'window\\.webkit\\.messageHandlers',
    'Object Not Found Matching Id:\\d{1,9}, MethodName:',
    'top\\.GLOBALS|originalCreateNotification|canvas\\.contentDocument|MyApp_RemoveAllHighlights',
    'atomicFindClose|fb_xd_fragment|bmi_SafeAddOnload|EBCallBackMessageReceived|conduitPage',
  ].join('|'),
);
const MESSAGE_CHARS = 1024;
const STACK_CHARS = 4096;

const LOCAL_URL =
  /^[a-z][a-z0-9+.-]{0,20}:\/\/(?:[^\s/?#@]{0,256}@)?(?:localhost|(?:[a-z0-9-]{1,63}\.){1,8}localhost|127(?:\.\d{1,3}){3}|0\.0\.0\.0|\[::1\]|\[::ffff:127(?:\.\d{1,3}){3}\])\.?(?=[:/?#]|$)/i;

/** The crash frame and its callers: an app that an extension merely calls into is the app's own matter. */
const thrownByExtension = (exceptions: readonly Exception[]): boolean => {
  const crash = exceptions[0]?.frames.find(({ file }) => file !== '' && file !== '<anonymous>');
  return crash !== undefined && EXTENSION_URL.test(crash.file);
};

const firstFrameLine = (stack: string): string =>
  stack
    .slice(0, STACK_CHARS)
    .split('\n')
    .find((line) => /:\d+\)?\s*$/.test(line.slice(0, MESSAGE_CHARS))) ?? '';

const messagesOf = ({ message, exceptions }: Occurrence): string[] => [
  ...(message === '' ? [] : [message]),
  ...exceptions
    .slice(0, 10)
    .flatMap(({ type, value }) => (type === '' || value === '' ? [type || value] : [value, `${type}: ${value}`])),
];

/** Why an app does not want an occurrence, or undefined when it does. */
export function inboundFilter(config: FilterConfig): (occurrence: Occurrence) => DropReason | undefined {
  const unwantedRelease = globs(config.releases);
  const unwantedMessage = globs(config.messages);

  const ofExtension = (occurrence: Occurrence): boolean =>
    thrownByExtension(occurrence.exceptions) ||
    EXTENSION_URL.test(occurrence.sourceFile) ||
    EXTENSION_IN_STACK.test(firstFrameLine(occurrence.stackTrace)) ||
    messagesOf(occurrence).some((message) => EXTENSION_MESSAGE.test(message.slice(0, MESSAGE_CHARS)));

  return (occurrence) => {
    if (config.browserExtensions && ofExtension(occurrence)) return 'browser_extension';
    if (config.localhost && LOCAL_URL.test(occurrence.pageUrl)) return 'localhost';
    if (config.releases.length > 0 && unwantedRelease(occurrence.release)) return 'release';
    if (config.messages.length > 0 && messagesOf(occurrence).some(unwantedMessage)) return 'message';
    return undefined;
  };
}
