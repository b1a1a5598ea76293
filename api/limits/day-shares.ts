import type { UsageCategory } from '../../db/usage.js';
import { utcDay } from '../../domain/app.js';
import { addressCounts } from './address-counts.js';

/** Of a day's quota: who has sent more than that is one who sends much. */
const MUCH = 0.01;

/** What each address has sent of an app's day by client keys, as far as this process knows. */
export function dayShares(now: () => number) {
  const counts = addressCounts();
  let day = utcDay(now());

  const today = (): typeof counts => {
    if (day !== utcDay(now())) {
      day = utcDay(now());
      counts.clear();
    }
    return counts;
  };
  const nameOf = (appHex: string, category: UsageCategory, address: string): string =>
    `${appHex}/${category}/${address}`;

  return {
    add(appHex: string, category: UsageCategory, address: string, items: number): void {
      today().add(nameOf(appHex, category, address), items);
    },
    /** @param quota of that day */
    isMuch: (appHex: string, category: UsageCategory, address: string, quota: number): boolean =>
      today().of(nameOf(appHex, category, address)) > quota * MUCH,
  };
}
