import type { Json } from './loose.js';

/** What a public client states about a profile, read from any of their protocols. */
export type ProfileMessage =
  | {
      readonly type: 'identify';
      readonly id: string;
      readonly externalId: string;
      /** Whether the client says by it that the id is somebody's, and not a visitor's that nobody knows. */
      readonly identifies: boolean;
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
      /** Of `to`. */
      readonly proof: string;
      readonly fromProof: string;
    };
