import type { AlertDoc } from '../db/alerts.js';
import type { ErrorGroupDoc } from '../db/error-groups.js';

/** What is told of an alert: the body of a webhook, and what the other forms are made of. */
export interface AlertMessage {
  readonly type: `error.${AlertDoc['cause']}`;
  readonly timestamp: string;
  readonly data: {
    readonly app: string;
    readonly cause: AlertDoc['cause'];
    readonly facts: Readonly<Record<string, unknown>>;
    readonly group: {
      readonly id: string;
      readonly title: string;
      readonly culprit: string;
      readonly message: string;
      readonly severity: string;
      readonly status: string;
      readonly count: number;
      readonly profiles: number;
      readonly firstSeen: string;
      readonly lastSeen: string;
      readonly release: string | null;
      /** Null where the instance does not know its own address. */
      readonly url: string | null;
    };
  };
}

interface Told {
  readonly alert: AlertDoc;
  readonly group: ErrorGroupDoc;
  /** The slug. */
  readonly app: string;
  readonly publicUrl: string | undefined;
}

const TEXT_CHARACTERS = 500;
const FACTS_CHARACTERS = 4096;

const cut = (text: string): string =>
  text.length > TEXT_CHARACTERS ? `${text.slice(0, TEXT_CHARACTERS - 1).toWellFormed()}…` : text;

/** Everything in it has been scrubbed before it was stored, and is bounded here. */
export function alertMessage({ alert, group, app, publicUrl }: Told): AlertMessage {
  const id = group._id.toHexString();
  const facts = JSON.stringify(alert.facts).length > FACTS_CHARACTERS ? {} : alert.facts;
  return {
    type: `error.${alert.cause}`,
    timestamp: alert.at.toISOString(),
    data: {
      app,
      cause: alert.cause,
      facts,
      group: {
        id,
        title: cut(group.title),
        culprit: cut(group.culprit),
        message: cut(group.message),
        severity: group.severity,
        status: group.status,
        count: group.occurrenceCount,
        profiles: group.affectedProfiles,
        firstSeen: group.firstSeen.toISOString(),
        lastSeen: group.lastSeen.toISOString(),
        release: group.releases.at(-1) ?? null,
        url: publicUrl === undefined ? null : `${publicUrl}/v1/apps/${app}/errors/${id}`,
      },
    },
  };
}

const SAID: Readonly<Record<AlertDoc['cause'], string>> = {
  new_group: 'New error',
  regression: 'Error is back',
  snooze_ended: 'Error no longer ignored',
  threshold: 'Many errors',
  spike: 'More errors than usual',
};

const headline = ({ data: { group } }: AlertMessage): string =>
  group.message === '' || group.message === group.title ? group.title : `${group.title}: ${group.message}`;

const counted = ({ data: { group } }: AlertMessage): string =>
  `${group.count.toLocaleString('en')} occurrences, ${group.profiles.toLocaleString('en')} profiles`;

/** Why, for people: what a rule has seen, or by which release an error came back. */
function because({ data: { facts } }: AlertMessage): string[] {
  const shown = (name: string): string | undefined => {
    const value = facts[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
  };
  const [count, minutes, baseline, release] = ['count', 'minutes', 'baseline', 'release'].map(shown);
  return [
    ...(count !== undefined && minutes !== undefined ? [`${count} in ${minutes} minutes`] : []),
    ...(baseline !== undefined ? [`usually ${baseline}`] : []),
    ...(release !== undefined && release !== '' ? [`release ${release}`] : []),
  ];
}

const slackText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** What Slack, Mattermost and their likes show of a webhook. */
export function slackBody(message: AlertMessage): string {
  const { app, group } = message.data;
  const lines = [
    `*${SAID[message.data.cause]} in ${app}*: ${slackText(headline(message))}`,
    ...(group.culprit === '' ? [] : [slackText(group.culprit)]),
    slackText([counted(message), ...because(message)].join(', ')),
    ...(group.url === null ? [] : [`<${group.url}|${group.id}>`]),
  ];
  return JSON.stringify({ text: lines.join('\n') });
}

export function mailOf(message: AlertMessage): { readonly subject: string; readonly text: string } {
  const { app, cause, group } = message.data;
  const lines = [
    `${SAID[cause]} in ${app}`,
    '',
    headline(message),
    ...(group.culprit === '' ? [] : [group.culprit]),
    '',
    ...[counted(message), ...because(message)],
    `First seen ${group.firstSeen}, last seen ${group.lastSeen}, ${group.status}`,
    ...(group.release === null ? [] : [`Newest release it was seen in: ${group.release}`]),
    '',
    group.url ?? `Group ${group.id}`,
  ];
  return { subject: `[${app}] ${SAID[cause]}: ${headline(message).slice(0, 150)}`, text: `${lines.join('\n')}\n` };
}
