import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HostileBody } from './body.js';

const FILE = join(import.meta.dirname, 'bodies.json');

/** The worst bodies that people and searches have found so far, one a line. */
export const knownBodies = (): readonly HostileBody[] => JSON.parse(readFileSync(FILE, 'utf8')) as HostileBody[];
