import type { PageContext } from './contexts.js';
import type { EventExtras, TrackEvent } from './event.js';
import { checkText, type Fault, LIMITS } from './limits.js';
import { isObject, type Json, lookup, objectOf as object, textOf as text, tooDeep } from './loose.js';
import type { ProfileMessage } from './profile-message.js';
import { attributesFault, flattened } from './properties.js';

/** What one message of Segment's tracking API asks for. */
export type SegmentMessage =
  | { readonly type: 'event'; readonly event: TrackEvent; readonly extras: EventExtras }
  | ProfileMessage
  | { readonly type: 'fault'; readonly fault: Fault };

const fault = (code: Fault['code'], field: string): SegmentMessage => ({ type: 'fault', fault: { code, field } });

/**
 * Reads a message as Segment's libraries send it: track, page and screen are events, identify and group state
 * attributes, alias joins two ids. `messageId` is what a retry repeats.
 */
export function segmentMessage(value: unknown): SegmentMessage {
  if (!isObject(value)) return fault('FIELD_INVALID', 'batch');
  const id = text(value['messageId']);
  const profileId = text(value['userId']) || text(value['anonymousId']);
  const timestampMs = timeOf(value['timestamp']);
  const context = object(value['context']);
  const proof = text(context['identityProof']);

  switch (value['type']) {
    case 'track':
      return eventOf(value, text(value['event']), { id, profileId, timestampMs });
    case 'page':
    case 'screen':
      return eventOf(value, 'page_view', { id, profileId, timestampMs });
    case 'identify':
    case 'group': {
      if (profileId === '') return fault('PROFILE_MISSING', 'userId');
      const unfit = idFault(id, profileId);
      if (unfit) return { type: 'fault', fault: unfit };
      const traits = object(value['traits']);
      const attributes = value['type'] === 'group' ? { groupId: text(value['groupId']), group: traits } : traits;
      const identifies = value['type'] === 'identify' && text(value['userId']) !== '';
      const bad = attributesFault(attributes);
      return bad
        ? { type: 'fault', fault: bad }
        : { type: 'identify', id, externalId: profileId, identifies, attributes, timestampMs, proof };
    }
    case 'alias': {
      const from = text(value['previousId']);
      if (from === '' || profileId === '') return fault('PROFILE_MISSING', from === '' ? 'previousId' : 'userId');
      const unfit = idFault(id, profileId) ?? checkText('previousId', from, LIMITS.text);
      if (unfit) return { type: 'fault', fault: unfit };
      const fromProof = text(context['previousIdentityProof']);
      return { type: 'alias', id, from, to: profileId, timestampMs, proof, fromProof };
    }
    default:
      return fault('FIELD_INVALID', 'type');
  }
}

function idFault(id: string, profileId: string): Fault | undefined {
  if (id === '') return { code: 'FIELD_MISSING', field: 'messageId' };
  return checkText('messageId', id, LIMITS.text) ?? checkText('userId', profileId, LIMITS.text);
}

/** ISO 8601 or epoch ms; what is neither counts as missing. */
function timeOf(value: unknown): number {
  const time = typeof value === 'string' ? Date.parse(value) : typeof value === 'number' ? Math.floor(value) : 0;
  return Number.isSafeInteger(time) ? time : 0;
}

interface EventFacts {
  readonly id: string;
  readonly profileId: string;
  readonly timestampMs: number;
}

function eventOf(message: Json, eventType: string, { id, profileId, timestampMs }: EventFacts): SegmentMessage {
  const properties = object(message['properties']);
  const context = object(message['context']);
  const page = object(context['page']);
  if (tooDeep(properties)) return fault('FIELD_INVALID', 'metadata');
  const { metadata, measures } = flattened(properties);
  const name = text(message['name']);
  if (eventType === 'page_view' && name !== '') metadata['name'] ??= name;
  const event: TrackEvent = {
    eventId: id,
    appId: '',
    profileId,
    sessionId: text(context['sessionId']),
    timestampMs,
    eventType,
    pageUrl: text(page['url']) || text(properties['url']),
    elementTid: '',
    metadata,
    pageContext: pageOf(page, properties, object(context['screen'])),
    elementContext: undefined,
  };
  return { type: 'event', event, extras: Object.keys(measures).length > 0 ? { measures } : {} };
}

function pageOf(page: Json, properties: Json, screen: Json): PageContext | undefined {
  const of = (name: string): string => text(lookup(page, name)) || text(lookup(properties, name));
  const size = (name: string): number => {
    const value = lookup(screen, name);
    return typeof value === 'number' && value > 0 ? Math.floor(value) : 0;
  };
  const context = { path: of('path'), title: of('title'), referrer: of('referrer'), loadTimeMs: 0 };
  const known = context.path !== '' || context.title !== '' || context.referrer !== '';
  return known ? { ...context, viewportWidth: size('width'), viewportHeight: size('height') } : undefined;
}
