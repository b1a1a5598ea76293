/** What the database is told of a new key, token or invitation: never the secret itself. */
export interface NewSecret {
  readonly hash: string;
  readonly prefix: string;
}
