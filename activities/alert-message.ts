import type { AlertedFlag } from '../db/alert-flags.js';
import type { AlertCause, AlertDoc } from '../db/alerts.js';
import type { ErrorGroupDoc } from '../db/error-groups.js';
import { lookup } from '../domain/loose.js';

interface Message<About> {
  /** `error.<cause>`, `flag.stale`, `flag.rollout_reverted`, ... */
  readonly type: string;
  readonly timestamp: string;
  readonly data: {
    readonly app: string;
    readonly cause: AlertCause;
    readonly facts: Readonly<Record<string, unknown>>;
  } & About;
}

interface AboutGroup {
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
  readonly flag?: never;
}

interface AboutFlag {
  readonly flag: {
    readonly key: string;
    readonly description: string;
    readonly enabled: boolean;
    readonly killed: boolean;
    /** A member's name. */
    readonly owner: string | null;
    readonly url: string | null;
  };
  readonly group?: never;
}

/** What is told of an alert: the body of a webhook, and what the other forms are made of. */
export type AlertMessage = Message<AboutGroup> | Message<AboutFlag>;

interface Told {
  readonly alert: AlertDoc;
  /** The slug. */
  readonly app: string;
  readonly publicUrl: string | undefined;
}

const TEXT_CHARACTERS = 500;
const FACTS_CHARACTERS = 4096;

const cut = (text: string): string =>
  text.length > TEXT_CHARACTERS ? `${text.slice(0, TEXT_CHARACTERS - 1).toWellFormed()}…` : text;

const common = ({ alert, app }: Told) => ({
  app,
  cause: alert.cause,
  facts: JSON.stringify(alert.facts).length > FACTS_CHARACTERS ? {} : alert.facts,
});

/** Everything in it has been scrubbed before it was stored, and is bounded here. */
export function groupMessage({ group, ...told }: Told & { readonly group: ErrorGroupDoc }): Message<AboutGroup> {
  const { alert, app, publicUrl } = told;
  const id = group._id.toHexString();
  return {
    type: `error.${alert.cause}`,
    timestamp: alert.at.toISOString(),
    data: {
      ...common(told),
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

export function flagMessage({ flag, ...told }: Told & { readonly flag: AlertedFlag }): Message<AboutFlag> {
  const { alert, app, publicUrl } = told;
  return {
    type: `flag.${alert.cause.replace(/^flag_/, '')}`,
    timestamp: alert.at.toISOString(),
    data: {
      ...common(told),
      flag: {
        ...flag,
        description: cut(flag.description),
        owner: flag.owner === null ? null : cut(flag.owner),
        url: publicUrl === undefined ? null : `${publicUrl}/v1/apps/${app}/flags/${encodeURIComponent(flag.key)}`,
      },
    },
  };
}

const SAID: Readonly<Record<AlertCause, string>> = {
  new_group: 'New error',
  regression: 'Error is back',
  snooze_ended: 'Error no longer ignored',
  threshold: 'Many errors',
  spike: 'More errors than usual',
  flag_stale: 'Flag may be stale',
  rollout_reverted: 'Rollout reverted',
  rollout_paused: 'Rollout paused',
};

/** What the forms for people are made of. */
interface Shown {
  readonly headline: string;
  readonly about: string;
  /** Joined by commas, or a line each. */
  readonly figures: readonly string[];
  /** Only where there is room for them. */
  readonly more: readonly string[];
  readonly url: string | null;
  /** Where there is no url. */
  readonly name: string;
}

function shownGroup({ data: { group, facts } }: Message<AboutGroup>): Shown {
  const { title, message, culprit, count, profiles, release, id, url } = group;
  return {
    headline: message === '' || message === title ? title : `${title}: ${message}`,
    about: culprit,
    figures: [
      `${count.toLocaleString('en')} occurrences, ${profiles.toLocaleString('en')} profiles`,
      ...because(facts),
    ],
    more: [
      `First seen ${group.firstSeen}, last seen ${group.lastSeen}, ${group.status}`,
      ...(release === null ? [] : [`Newest release it was seen in: ${release}`]),
    ],
    url,
    name: `Group ${id}`,
  };
}

function shownFlag({ data: { flag, facts } }: Message<AboutFlag>): Shown {
  const { key, description, enabled, killed, owner, url } = flag;
  const { why } = facts;
  return {
    headline: key,
    about: description,
    figures: typeof why === 'string' ? [cut(why)] : [],
    more: [
      killed ? 'The kill switch is on' : enabled ? 'It is enabled' : 'It is disabled',
      ...(owner === null ? [] : [`Owner: ${owner}`]),
    ],
    url,
    name: `Flag ${key}`,
  };
}

const shownOf = (message: AlertMessage): Shown => (isOfGroup(message) ? shownGroup(message) : shownFlag(message));

const isOfGroup = (message: AlertMessage): message is Message<AboutGroup> => message.data.group !== undefined;

/** Why, for people: what a rule has seen, or by which release an error came back. */
function because(facts: Readonly<Record<string, unknown>>): string[] {
  const shown = (name: string): string | undefined => {
    const value = lookup(facts, name);
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
  const { headline, about, figures, url, name } = shownOf(message);
  const lines = [
    `*${SAID[message.data.cause]} in ${message.data.app}*: ${slackText(headline)}`,
    ...(about === '' ? [] : [slackText(about)]),
    ...(figures.length === 0 ? [] : [slackText(figures.join(', '))]),
    ...(url === null ? [] : [`<${url}|${slackText(name)}>`]),
  ];
  return JSON.stringify({ text: lines.join('\n') });
}

export function mailOf(message: AlertMessage): { readonly subject: string; readonly text: string } {
  const { app, cause } = message.data;
  const { headline, about, figures, more, url, name } = shownOf(message);
  const said = SAID[cause];
  const lines = [
    `${said} in ${app}`,
    '',
    headline,
    ...(about === '' ? [] : [about]),
    '',
    ...figures,
    ...more,
    '',
    url ?? name,
  ];
  return { subject: `[${app}] ${said}: ${headline.slice(0, 150)}`, text: `${lines.join('\n')}\n` };
}
