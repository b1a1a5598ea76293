import type { ObjectId } from 'mongodb';
import type { App } from '../../db/apps.js';
import type { StoredReason } from '../../domain/flag-set.js';
import { lookup, own } from '../../domain/loose.js';
import { murmur3 } from '../../domain/murmur.js';
import { utf8 } from '../../domain/utf8.js';
import { encodeUserFlagSet, type FlagValue } from '../../proto/codec.js';
import type { Answer } from './answers.js';
import { type FlagText, flagTexts, STATIC } from './flag-texts.js';

/** One flag of an answer as OFREP has it. */
export interface Rendered {
  readonly text: string;
  readonly isError: boolean;
}

/**
 * Names what an answer says: its version, its values and reasons, and for whom. Undefined where a set was stored
 * without a digest.
 */
export function etagOf({ version, set, targetingKey }: Answer): string | undefined {
  if (set.digest === '') return undefined;
  const whose = targetingKey === undefined ? '' : `-${murmur3(utf8(targetingKey)).toString(36)}`;
  return `"${String(version)}-${set.digest}${whose}"`;
}

const reasonOf = ({ set: { reasons } }: Answer, key: string): StoredReason => lookup(reasons, key) ?? STATIC;

/** A set that a newer process has stored may have flags that this process does not know, and lack some that it does. */
const textsOf = ({ compiled, set: { flags } }: Answer): readonly FlagText[] =>
  flagTexts(compiled).filter(({ key }) => Object.hasOwn(flags, key));

const bucketOf = ({ bucket }: StoredReason): string => (bucket === undefined ? '' : `,"bucket":${String(bucket)}`);

function evaluationOf(answer: Answer, text: FlagText): Rendered {
  const reason = reasonOf(answer, text.key);
  const { evaluation } = text.written(lookup(answer.set.flags, text.key), reason);
  if (reason.reason === 'ERROR') return { text: evaluation, isError: true };
  return { text: `${evaluation}${bucketOf(reason)}}}`, isError: false };
}

/** The list of all flags of an OFREP answer, as JSON. */
export function allEvaluations(answer: Answer): string {
  let list = '';
  for (const text of textsOf(answer)) list += `${list === '' ? '' : ','}${evaluationOf(answer, text).text}`;
  return `[${list}]`;
}

/** Undefined where there is no such flag. */
export function oneEvaluation(answer: Answer, key: string): Rendered | undefined {
  const text = textsOf(answer).find((each) => each.key === key);
  return text && evaluationOf(answer, text);
}

/** A set as JSON: values by key, and why, where it is not simply so. */
export function setAsJson(answer: Answer, app: App, profileId: ObjectId, now: Date): string {
  let flags = '';
  let reasons = '';
  for (const text of textsOf(answer)) {
    const why = reasonOf(answer, text.key);
    const { value, reason } = text.written(lookup(answer.set.flags, text.key), why);
    flags += `${flags === '' ? '' : ','}${text.name}${value}`;
    if (reason !== '') reasons += `${reasons === '' ? '' : ','}${reason}${bucketOf(why)}}`;
  }
  const head = `"profileId":"${profileId.toHexString()}","appId":"${app.appId}","version":${String(answer.version)}`;
  const computedAt = (answer.computedAt ?? now).toISOString();
  return `{${head},"computedAt":"${computedAt}","flags":{${flags}},"reasons":{${reasons}}}`;
}

/** A set as the message `UserFlagSet`. */
export function setAsMessage(answer: Answer, app: App, profileId: ObjectId, now: Date): Uint8Array {
  const flags: Record<string, FlagValue> = {};
  for (const text of textsOf(answer))
    own(flags, text.key, text.written(lookup(answer.set.flags, text.key), reasonOf(answer, text.key)).message);
  const computedAt = (answer.computedAt ?? now).getTime();
  return encodeUserFlagSet({ profileId: profileId.toHexString(), appId: app.appId, flags, computedAt });
}
