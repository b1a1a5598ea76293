import type { EventExtras, TrackEvent } from './event.js';
import type { HeatmapEvent } from './heatmap-event.js';
import { checkText, cutText, type Fault, LIMITS } from './limits.js';
import { asText, isObject, type Json, listOf, lookup, objectOf, own, textOf, wholeOf } from './loose.js';
import type { Occurrence } from './occurrence.js';
import { postHogError, postHogPage } from './posthog-error.js';
import type { ProfileMessage } from './profile-message.js';
import { attributesFault } from './properties.js';

/** What one event of a PostHog client asks for; one may ask for several things. */
export type PostHogMessage =
  | { readonly type: 'event'; readonly event: TrackEvent; readonly extras: EventExtras }
  | { readonly type: 'heatmap'; readonly point: HeatmapEvent }
  /** Points of a heatmap beyond those that are taken. */
  | { readonly type: 'points_left_out'; readonly count: number }
  | { readonly type: 'error'; readonly occurrence: Occurrence }
  | ProfileMessage
  | { readonly type: 'fault'; readonly fault: Fault };

/** When a request was sent, by the client's clock, and when it came. */
export interface PostHogMoment {
  readonly sentAt: unknown;
  readonly now: number;
}

/** What every kind of event is made from. */
interface Facts {
  readonly name: string;
  readonly id: string;
  readonly profileId: string;
  readonly sessionId: string;
  readonly timestampMs: number;
  readonly properties: Json;
}

const fault = (code: Fault['code'], field: string): PostHogMessage => ({ type: 'fault', fault: { code, field } });

/**
 * Reads an event as PostHog's libraries send it. `uuid` is what a retry repeats. No library looks at what is refused,
 * so texts are cut to their bounds; an id that is too long is refused all the same, since two of them could become one.
 * @param mostPoints of a heatmap that are taken; the others are counted
 */
export function postHogMessages(
  value: unknown,
  moment: PostHogMoment,
  mostPoints: number = LIMITS.batchItems,
): readonly PostHogMessage[] {
  if (!isObject(value)) return [fault('FIELD_INVALID', 'batch')];
  const facts = factsOf(value, moment);
  const unfit = checkText('uuid', facts.id, LIMITS.text) ?? checkText('distinct_id', facts.profileId, LIMITS.text);
  if (unfit) return [{ type: 'fault', fault: unfit }];
  switch (facts.name) {
    case '':
      return [fault('FIELD_MISSING', 'event')];
    case '$exception':
      return [{ type: 'error', occurrence: postHogError(facts, moment) }];
    case '$$heatmap':
      return heatmapPoints(facts, mostPoints);
    case '$identify': {
      const anonymous = textOf(facts.properties['$anon_distinct_id']);
      const joined = anonymous === '' ? [] : [aliasOf(facts, anonymous, facts.profileId)];
      return [...joined, identifyOf(value, facts)].filter((message) => message !== undefined);
    }
    case '$set':
      return [identifyOf(value, facts)].filter((message) => message !== undefined);
    case '$create_alias':
    case '$merge_dangerously':
      return [aliasOf(facts, textOf(facts.properties['alias']), facts.profileId)];
    case '$groupidentify':
      // A group of theirs is no profile of ours.
      return [];
    default:
      return [eventOf(facts), identifyOf(value, facts)].filter((message) => message !== undefined);
  }
}

function factsOf(value: Json, { sentAt, now }: PostHogMoment): Facts {
  const properties = objectOf(value['properties']);
  const stated = timeOf(value['timestamp']);
  const offset = wholeOf(value['offset']);
  return {
    name: cutText(textOf(value['event']), LIMITS.mapKey),
    id: textOf(value['uuid']),
    profileId: textOf(value['distinct_id']) || textOf(properties['distinct_id']),
    sessionId: textOf(properties['$session_id']),
    // As long before it was sent as it says: by the client's clock, so that a retry says the same.
    timestampMs: stated > 0 ? stated : (timeOf(sentAt) || now) - offset,
    properties,
  };
}

/** ISO 8601 or epoch ms; what is neither counts as missing. */
function timeOf(value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : typeof value === 'number' ? Math.floor(value) : 0;
  return Number.isSafeInteger(time) && time > 0 ? time : 0;
}

function aliasOf({ id, timestampMs, properties }: Facts, from: string, to: string): PostHogMessage {
  if (id === '') return fault('FIELD_MISSING', 'uuid');
  if (from === '' || to === '') return fault('PROFILE_MISSING', from === '' ? 'alias' : 'distinct_id');
  const unfit = checkText('alias', from, LIMITS.text);
  if (unfit) return { type: 'fault', fault: unfit };
  const fromProof = textOf(properties['$alias_identity_proof']);
  return { type: 'alias', id: `${id}/alias`, from, to, timestampMs, proof: proofOf(properties), fromProof };
}

const proofOf = (properties: Json): string => textOf(properties['$identity_proof']);

/** What an event states of its profile by `$set`, whichever event it is; undefined where it states nothing. */
function identifyOf(value: Json, { name, id, profileId, timestampMs, properties }: Facts): PostHogMessage | undefined {
  const attributes = { ...objectOf(value['$set']), ...objectOf(properties['$set']) };
  if (Object.keys(attributes).length === 0 && name !== '$identify') return undefined;
  if (profileId === '') return fault('PROFILE_MISSING', 'distinct_id');
  if (id === '') return fault('FIELD_MISSING', 'uuid');
  const own = [properties['$anon_distinct_id'], properties['$device_id']].map(textOf);
  const identifies = properties['$is_identified'] === true || (name === '$identify' && !own.includes(profileId));
  const bad = attributesFault(attributes);
  if (bad) return { type: 'fault', fault: { ...bad, field: '$set' } };
  const proof = proofOf(properties);
  return { type: 'identify', id, externalId: profileId, identifies, attributes, timestampMs, proof };
}

const NAMED: ReadonlyMap<string, string> = new Map([
  ['$pageview', 'page_view'],
  ['$screen', 'page_view'],
]);

function eventOf({ name, id, profileId, sessionId, timestampMs, properties }: Facts): PostHogMessage {
  const isClick = name === '$autocapture' && textOf(properties['$event_type']) === 'click';
  const element = isClick ? elementOf(properties) : undefined;
  const { metadata, measures } = ownProperties(properties);
  const screen = textOf(properties['$screen_name']);
  if (screen !== '') metadata['name'] ??= cutText(screen, LIMITS.mapValue);
  const event: TrackEvent = {
    eventId: id,
    appId: '',
    profileId,
    sessionId,
    timestampMs,
    eventType: isClick ? 'click' : (NAMED.get(name) ?? name),
    pageUrl: cutText(textOf(properties['$current_url']), LIMITS.url),
    elementTid: element?.tid ?? '',
    metadata,
    pageContext: postHogPage(properties),
    elementContext: element?.context,
  };
  return { type: 'event', event, extras: Object.keys(measures).length > 0 ? { measures } : {} };
}

/** The client's own, and not the some fifty that its library adds, whose names begin with `$`. */
function ownProperties(properties: Json): { metadata: Record<string, string>; measures: Record<string, number> } {
  const metadata: Record<string, string> = {};
  const measures: Record<string, number> = {};
  let entries = 0;
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith('$') || key === 'token' || key === 'distinct_id' || key.includes('\0')) continue;
    const text = asText(value);
    if (text === '') continue;
    if (++entries > LIMITS.mapEntries) break;
    const name = cutText(key, LIMITS.mapKey);
    own(metadata, name, cutText(text, LIMITS.mapValue));
    if (typeof value === 'number' && Number.isFinite(value)) own(measures, name, value);
  }
  return { metadata, measures };
}

/** The element that was clicked is the first of its list, whose others are its parents. */
function elementOf(properties: Json) {
  const element = objectOf(listOf(properties['$elements'])[0]);
  const chain = textOf(properties['$elements_chain']);
  const of = (...names: readonly string[]): string =>
    names.map((name) => textOf(lookup(element, name))).find(Boolean) ?? '';
  const tid = of('attr__data-testid', 'attr__data-tid', 'attr__id', 'attr_id') || inChain(chain, 'attr__data-testid');
  return {
    tid: cutText(tid || inChain(chain, 'attr_id'), LIMITS.text),
    context: {
      tag: cutText(of('tag_name') || (/^[a-z0-9-]{1,64}/.exec(chain)?.[0] ?? ''), LIMITS.text),
      text: cutText(textOf(properties['$el_text']) || of('$el_text', 'text') || inChain(chain, 'text'), LIMITS.text),
      x: 0,
      y: 0,
      scrollDepthPct: 0,
    },
  };
}

/** `button.big:attr_id="pay"nth-child="1"text="Pay";div:...`: of the first element only. */
function inChain(chain: string, name: string): string {
  const start = chain.slice(0, LIMITS.url);
  const at = start.indexOf(`${name}="`);
  const next = start.search(/";[a-z]/);
  if (at < 0 || (next >= 0 && at > next)) return '';
  const from = at + name.length + 2;
  const end = start.indexOf('"', from);
  return end < 0 ? '' : start.slice(from, end);
}

/** Where a page was clicked. A rage or dead click is one that was sent as a click too, and a movement is no touch. */
function heatmapPoints(
  { profileId, sessionId, timestampMs, properties }: Facts,
  most: number,
): readonly PostHogMessage[] {
  const viewportWidth = wholeOf(properties['$viewport_width']);
  const viewportHeight = wholeOf(properties['$viewport_height']);
  const messages: PostHogMessage[] = [];
  let leftOut = 0;
  for (const [pageUrl, touches] of Object.entries(objectOf(properties['$heatmap_data']))) {
    for (const touch of listOf(touches)) {
      // What was read over, since there is so much of it, or is nothing at all.
      if (!isObject(touch)) {
        if (messages.length >= most) leftOut += 1;
        continue;
      }
      const { x, y, type } = touch;
      if (type !== 'click' || typeof x !== 'number' || typeof y !== 'number') continue;
      if (messages.length >= most) {
        leftOut += 1;
        continue;
      }
      const where = { x: Math.round(x), y: Math.round(y), viewportWidth, viewportHeight };
      const point = { appId: '', profileId, sessionId, pageUrl: cutText(pageUrl, LIMITS.url), timestampMs, ...where };
      messages.push({ type: 'heatmap', point });
    }
  }
  if (leftOut > 0) messages.push({ type: 'points_left_out', count: leftOut });
  return messages;
}
