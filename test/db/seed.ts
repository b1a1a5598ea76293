/**
 * The collections of the seed, field by field, in its own notation, and their indexes. Nothing here is taken from the
 * code under test.
 */
export interface SeedCollection {
  readonly timeSeries?: { readonly retentionDays: number };
  readonly fields: SeedFields;
  readonly indexes: readonly SeedIndex[];
}

/** A type in the seed's words, an embedded document, or a one-element array for `Array<...>` and `...[]`. */
export type SeedType = string | SeedFields | readonly [SeedType];
export interface SeedFields {
  readonly [field: string]: SeedType;
}

interface SeedIndex {
  readonly key: readonly string[];
  readonly unique?: true;
}

const PAGE_CONTEXT = {
  path: 'string',
  title: 'string',
  referrer: 'string',
  viewportWidth: 'number',
  viewportHeight: 'number',
  loadTimeMs: 'number',
};

const BROWSER_CONTEXT = {
  userAgent: 'string',
  browser: 'string',
  browserVersion: 'string',
  os: 'string',
  deviceType: 'string',
  screenWidth: 'number',
  screenHeight: 'number',
};

export const SEED: Readonly<Record<string, SeedCollection>> = {
  events: {
    timeSeries: { retentionDays: 90 },
    fields: {
      _id: 'ObjectId',
      eventId: 'string',
      appId: 'ObjectId',
      profileId: 'ObjectId',
      sessionId: 'string',
      timestampMs: 'number',
      eventType: 'string',
      pageUrl: 'string',
      elementTid: 'string',
      metadata: 'Record<string, string>',
      pageContext: PAGE_CONTEXT,
      elementContext: { tag: 'string', text: 'string', x: 'number', y: 'number', scrollDepthPct: 'number' },
    },
    indexes: [{ key: ['appId', 'timestampMs'] }, { key: ['appId', 'eventType'] }, { key: ['sessionId'] }],
  },
  heatmap_events: {
    timeSeries: { retentionDays: 30 },
    fields: {
      _id: 'ObjectId',
      appId: 'ObjectId',
      profileId: 'ObjectId',
      sessionId: 'string',
      pageUrl: 'string',
      timestampMs: 'number',
      x: 'number',
      y: 'number',
      viewportWidth: 'number',
      viewportHeight: 'number',
    },
    indexes: [{ key: ['appId', 'pageUrl', 'timestampMs'] }],
  },
  errors: {
    fields: {
      _id: 'ObjectId',
      errorId: 'string',
      appId: 'ObjectId',
      groupFingerprint: 'string',
      profileId: 'ObjectId',
      sessionId: 'string',
      timestampMs: 'number',
      errorType: 'string',
      message: 'string',
      stackTrace: 'string',
      sourceFile: 'string',
      line: 'number',
      column: 'number',
      severity: "'info' | 'warning' | 'error' | 'fatal'",
      userComment: 'string | null',
      tags: 'Record<string, string>',
      breadcrumbs: [{ timestampMs: 'number', category: 'string', message: 'string', data: 'Record<string, string>' }],
      pageContext: PAGE_CONTEXT,
      browserContext: BROWSER_CONTEXT,
    },
    indexes: [
      { key: ['appId', 'groupFingerprint'] },
      { key: ['appId', 'timestampMs'] },
      { key: ['appId', 'severity'] },
    ],
  },
  error_groups: {
    fields: {
      _id: 'ObjectId',
      appId: 'ObjectId',
      fingerprint: 'string',
      message: 'string',
      firstSeen: 'Date',
      lastSeen: 'Date',
      occurrenceCount: 'number',
      affectedProfiles: 'number',
      status: "'new' | 'investigating' | 'resolved' | 'ignored'",
      assignee: 'ObjectId | null',
      comments: [{ authorId: 'ObjectId', text: 'string', createdAt: 'Date' }],
    },
    indexes: [],
  },
  feature_flags: {
    fields: {
      _id: 'ObjectId',
      appId: 'ObjectId',
      key: 'string',
      description: 'string',
      type: "'boolean' | 'string' | 'number' | 'json'",
      defaultValue: 'any',
      enabled: 'boolean',
      rules: [
        {
          ruleId: 'string',
          priority: 'number',
          conditions: [{ attribute: 'string', operator: 'string', values: ['string'] }],
          value: 'any',
          rolloutPercentage: 'number',
          experimentId: 'string | null',
        },
      ],
      createdAt: 'Date',
      updatedAt: 'Date',
      createdBy: 'ObjectId',
    },
    indexes: [{ key: ['appId', 'key'], unique: true }],
  },
  user_flag_sets: {
    fields: {
      _id: 'ObjectId',
      profileId: 'ObjectId',
      appId: 'ObjectId',
      flags: 'Record<string, any>',
      computedAt: 'Date',
    },
    indexes: [{ key: ['profileId', 'appId'], unique: true }],
  },
  translations: {
    fields: {
      _id: 'ObjectId',
      appId: 'ObjectId',
      locale: 'string',
      key: 'string',
      sourceText: 'string',
      translatedText: 'string',
      status: "'pending' | 'suggested' | 'approved' | 'overridden'",
      suggestedText: 'string | null',
      translatedBy: 'ObjectId | null',
      updatedAt: 'Date',
    },
    indexes: [{ key: ['appId', 'locale', 'key'], unique: true }],
  },
  translation_config: {
    fields: {
      _id: 'ObjectId',
      appId: 'ObjectId',
      sourceLocale: 'string',
      targetLocales: ['string'],
      sourceVersion: 'string',
      webhookSecret: 'string',
    },
    indexes: [],
  },
  feedback: {
    fields: {
      _id: 'ObjectId',
      appId: 'ObjectId',
      profileId: 'ObjectId',
      type: "'bug' | 'feature' | 'comment' | 'praise'",
      text: 'string',
      screenshotUrl: 'string | null',
      pageUrl: 'string',
      browserContext: BROWSER_CONTEXT,
      status: "'new' | 'acknowledged' | 'in_progress' | 'resolved' | 'wont_fix'",
      upvotes: 'number',
      upvotedBy: ['ObjectId'],
      tags: ['string'],
      thread: [{ authorId: 'ObjectId', authorType: "'user' | 'developer'", text: 'string', createdAt: 'Date' }],
      createdAt: 'Date',
      updatedAt: 'Date',
    },
    indexes: [{ key: ['appId', 'status'] }, { key: ['appId', 'type'] }, { key: ['appId', 'upvotes'] }],
  },
  themes: {
    fields: {
      _id: 'ObjectId',
      authorProfileId: 'ObjectId',
      name: 'string',
      description: 'string',
      isPublic: 'boolean',
      isOfficial: 'boolean',
      category: ['string'],
      installCount: 'number',
      rating: { avg: 'number', count: 'number' },
      definition: 'AdvancedTheme',
      createdAt: 'Date',
      updatedAt: 'Date',
    },
    indexes: [{ key: ['isPublic', 'installCount'] }, { key: ['authorProfileId'] }],
  },
  app_registrations: {
    fields: {
      _id: 'ObjectId',
      appId: 'string',
      name: 'string',
      ownerProfileId: 'ObjectId',
      apiKey: 'string',
      apiKeyPrefix: 'string',
      config: { eventRetentionDays: 'number', heatmapRetentionDays: 'number', maxEventsPerDay: 'number' },
      createdAt: 'Date',
    },
    indexes: [],
  },
};
