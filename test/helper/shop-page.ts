import { browserPage } from './browser.js';

/** What the page is built of. It throws when its button is pressed: nothing catches it. */
const SOURCE = `import * as Sentry from '@sentry/browser';

interface Item {
  price: number;
}

function totalOf(items: Item[]): number {
  let total = 0;
  for (const { price } of items) {
    if (price < 0) throw new RangeError('a price below nothing: ' + String(price));
    total += price;
  }
  return total;
}

function payNow(): void {
  console.log('to pay:', totalOf([{ price: 3 }, { price: -1 }]));
}

export function begin(dsn: string, release: string, customer: string): void {
  Sentry.init({
    dsn,
    release,
    environment: 'production',
    beforeSend(event) {
      Sentry.captureFeedback({ message: 'It broke', associatedEventId: event.event_id });
      return event;
    },
  });
  Sentry.setUser({ id: customer });
  document.querySelector('#pay')?.addEventListener('click', () => {
    payNow();
  });
}
`;

/** Stands before it in a later release, so that lines and minified names are others. */
const MORE = `const cents = (price: number): number => Math.round(price * 100);
console.log([1, 2].map(cents).join());

`;

interface ShopPage {
  readonly dsn: string;
  readonly release: string;
  readonly customer: string;
  /** Whether it was deployed before, with other code. */
  readonly again: boolean;
}

/** A shop's page with the unmodified `@sentry/browser` in one minified bundle; `line` is where it throws. */
export async function shopPage({ dsn, release, customer, again }: ShopPage) {
  const source = `${again ? MORE : ''}${SOURCE}`;
  const begun = [dsn, release, customer].map((text) => JSON.stringify(text)).join(', ');
  const page = await browserPage({
    contents: `${source}begin(${begun});\n`,
    sourcefile: 'src/checkout.ts',
    minify: true,
  });
  return { ...page, line: source.split('\n').findIndex((line) => line.includes('throw')) + 1 };
}
