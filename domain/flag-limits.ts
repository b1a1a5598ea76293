/** Bounds on definitions, so that no app can make its own evaluation slow. */
export const FLAG_LIMITS = {
  /** An app. */
  flags: 1_000,
  segments: 1_000,
  /** Of all its flags and segments, as stored: every API process holds the compiled definitions in memory. */
  definitionBytes: 64 * 1024 * 1024,
  /** A flag. */
  rules: 100,
  prerequisites: 20,
  /** How many prerequisites may stand behind one another. */
  prerequisiteLevels: 100,
  /** A rule. */
  variants: 100,
  variantWeight: 100_000,
  /** A segment. */
  clauses: 50,
  /** A rule or a clause. */
  conditions: 50,
  /** A condition. */
  values: 1_000,
  conditionValueChars: 1_024,
  attributeChars: 200,
  /** Of a rule or a variant. */
  idChars: 128,
  /** Of a value, as JSON. */
  valueBytes: 64 * 1024,
} as const;

/** What a flag and a segment may be called; the source of a pattern over the whole key. */
export const FLAG_KEY_PATTERN = String.raw`^[A-Za-z0-9][A-Za-z0-9_.\-/]{0,127}$`;
