import type { ProfileMessage } from '../../domain/profile-message.js';
import type { AppKey } from '../auth.js';
import type { Vouching } from '../identity-proof.js';
import type { BatchBuilder } from './batch-builder.js';

/** What a message of a public client states of a profile goes into the batch, if its sender may state it. */
export function profileStatements(vouchedBy: Vouching) {
  /** @returns false where the app demands a proof that is missing or wrong: nothing is stated then */
  return (builder: BatchBuilder, index: number, sender: AppKey, message: ProfileMessage): boolean => {
    if (message.type === 'alias') {
      const { from, to, proof, fromProof } = message;
      if (!vouchedBy(sender, to, proof).mayState) return false;
      builder.alias({ ...message, isFromUnproved: from !== to && !vouchedBy(sender, from, fromProof).mayState });
      return true;
    }
    const { isProved, mayState } = vouchedBy(sender, message.externalId, message.proof);
    if (mayState) builder.identify('batch', index, { ...message, identifies: message.identifies || isProved });
    return mayState;
  };
}
