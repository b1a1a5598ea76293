import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What one of the files beside this one holds. */
export const vectors = (name: string): unknown =>
  JSON.parse(readFileSync(join(import.meta.dirname, `${name}.json`), 'utf8'));
