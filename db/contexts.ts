import { documentOf, number, string } from './json-schema.js';

/** Where on the page something happened. */
export interface PageContextDoc {
  readonly path: string;
  readonly title: string;
  readonly referrer: string;
  readonly viewportWidth: number;
  readonly viewportHeight: number;
  readonly loadTimeMs: number;
}

/** With what it was looked at. */
export interface BrowserContextDoc {
  readonly userAgent: string;
  readonly browser: string;
  readonly browserVersion: string;
  readonly os: string;
  readonly deviceType: string;
  readonly screenWidth: number;
  readonly screenHeight: number;
}

export const pageContext = documentOf<PageContextDoc>({
  path: string,
  title: string,
  referrer: string,
  viewportWidth: number,
  viewportHeight: number,
  loadTimeMs: number,
});

export const browserContext = documentOf<BrowserContextDoc>({
  userAgent: string,
  browser: string,
  browserVersion: string,
  os: string,
  deviceType: string,
  screenWidth: number,
  screenHeight: number,
});
