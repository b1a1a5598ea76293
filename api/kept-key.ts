import { hash } from 'node:crypto';
import { copied } from '../domain/copied.js';

/** Ids of most clients fit, together with those of app and experiment. */
const LONGEST = 150;

/** By what a cache knows a text that is as long as whoever sent it liked: itself, or a hash of it. */
export const keptKey = (text: string): string =>
  text.length <= LONGEST ? copied(text) : `#${hash('sha256', text, 'base64url')}`;
