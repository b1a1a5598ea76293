/** For how long an invitation can be accepted. */
export const INVITATION_DAYS = 7;

/** Of one app at a time. */
export const MOST_OPEN_INVITATIONS = 200;

/** What an address is compared by: people write the same one in any case. */
export const comparable = (email: string): string => email.toLowerCase();
