import type { ChangeStream, ChangeStreamDocument, Document } from 'mongodb';

/** What changes in a collection, as somebody asks for it. */
export interface Changes<T> {
  /** The next change; undefined when there was none since it was asked. @throws when the stream is broken for good */
  next(): Promise<T | undefined>;
  close(): Promise<void>;
}

/** Where the server was away for a moment, the driver goes on where it was. */
export function changesOf<Doc extends Document, T>(
  stream: ChangeStream<Doc>,
  read: (change: ChangeStreamDocument<Doc>) => T,
): Changes<T> {
  return {
    async next() {
      const change = await stream.tryNext();
      return change === null ? undefined : read(change);
    },
    close: () => stream.close(),
  };
}
