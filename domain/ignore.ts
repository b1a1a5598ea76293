/** When being ignored ends; all null: never by itself. Counts are absolute: what was there, and N more. */
export interface IgnoreRule {
  readonly untilMs: number | null;
  readonly occurrences: number | null;
  readonly profiles: number | null;
  readonly window: { readonly count: number; readonly minutes: number } | null;
}

export interface IgnoreFacts {
  readonly ms: number;
  readonly occurrenceCount: number;
  readonly affectedProfiles: number;
  /** Occurrences in the window that ends at `ms`. */
  readonly inWindow: number;
}

export type IgnoreEnd = 'until' | 'occurrences' | 'profiles' | 'window';

/** Why the group is no longer ignored; undefined while it is. The N-th more ends it, not the one after. */
export function ignoreEnded(
  { untilMs, occurrences, profiles, window }: IgnoreRule,
  now: IgnoreFacts,
): IgnoreEnd | undefined {
  if (untilMs !== null && now.ms >= untilMs) return 'until';
  if (occurrences !== null && now.occurrenceCount >= occurrences) return 'occurrences';
  if (profiles !== null && now.affectedProfiles >= profiles) return 'profiles';
  if (window !== null && now.inWindow >= window.count) return 'window';
  return undefined;
}
