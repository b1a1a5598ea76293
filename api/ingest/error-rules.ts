import type { ErrorConfig } from '../../domain/app.js';
import { inboundFilter } from '../../domain/inbound-filter.js';
import { scrubber } from '../../domain/scrub.js';

interface ErrorRules {
  readonly filter: ReturnType<typeof inboundFilter>;
  readonly scrub: ReturnType<typeof scrubber>;
}

const compiled = new WeakMap<ErrorConfig, ErrorRules>();

/** An app's filters and scrubbing, compiled once for each reading of its settings. */
export function errorRules(config: ErrorConfig): ErrorRules {
  let rules = compiled.get(config);
  if (rules === undefined) {
    rules = { filter: inboundFilter(config.filters), scrub: scrubber(config.scrub) };
    compiled.set(config, rules);
  }
  return rules;
}
