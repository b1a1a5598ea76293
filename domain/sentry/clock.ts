/** What a client's times mean, in epoch ms: 0 where one is missing or none. */
export type Clock = (value: unknown) => number;

/** A request is under way for some time, and a clock that is a little off harms nobody. */
const TOLERATED_MS = 60_000;

/** Seconds since 1970 as a number or as text, or ISO 8601. */
function statedTime(value: unknown): number {
  const seconds = typeof value === 'number' ? value : typeof value === 'string' && value !== '' ? Number(value) : NaN;
  const ms = Number.isFinite(seconds) ? seconds * 1000 : typeof value === 'string' ? Date.parse(value) : NaN;
  const whole = Math.round(ms);
  return Number.isSafeInteger(whole) && whole > 0 ? whole : 0;
}

/**
 * A client says when it sent, by the same clock that it took its times from: by as much as that is off from the moment
 * of arrival, all its times are off too.
 */
export function clockOf(sentAt: unknown, now: number): Clock {
  const sent = statedTime(sentAt);
  const off = sent === 0 ? 0 : now - sent;
  const correction = Math.abs(off) > TOLERATED_MS ? off : 0;
  return (value) => {
    const time = statedTime(value);
    return time === 0 ? 0 : Math.max(1, time + correction);
  };
}
