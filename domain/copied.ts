/**
 * The same text by itself: a piece that was cut out of a long text keeps all of that text in memory, for as long as
 * anybody keeps the piece.
 */
export const copied = (text: string): string => ` ${text}`.slice(1);
