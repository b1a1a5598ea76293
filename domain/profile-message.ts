import type { Json } from './loose.js';

/** What a public client states about a profile, read from any of their protocols. */
export type ProfileMessage =
  | {
      readonly type: 'identify';
      readonly id: string;
      readonly externalId: string;
      readonly attributes: Json;
      readonly timestampMs: number;
      readonly proof: string;
    }
  | {
      readonly type: 'alias';
      readonly id: string;
      readonly from: string;
      readonly to: string;
      readonly timestampMs: number;
      readonly proof: string;
    };
