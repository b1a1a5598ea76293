/** What the database is told of a new key or token: never the secret itself. */
export interface NewSecret {
  readonly hash: string;
  readonly prefix: string;
}
