import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** What ops can list and filter workflows by; registered at start. Plain text everywhere, so nothing personal. */
export const SEARCH_ATTRIBUTES = {
  apps: defineSearchAttributeKey('ExpApps', SearchAttributeType.KEYWORD_LIST),
  kind: defineSearchAttributeKey('ExpKind', SearchAttributeType.KEYWORD),
  status: defineSearchAttributeKey('ExpStatus', SearchAttributeType.KEYWORD),
  locale: defineSearchAttributeKey('ExpLocale', SearchAttributeType.KEYWORD),
  actor: defineSearchAttributeKey('ExpActor', SearchAttributeType.KEYWORD),
  version: defineSearchAttributeKey('ExpVersion', SearchAttributeType.INT),
  pending: defineSearchAttributeKey('ExpPending', SearchAttributeType.INT),
  dueAt: defineSearchAttributeKey('ExpDueAt', SearchAttributeType.DATETIME),
} as const;
