/** Where on the page something happened. */
export interface PageContext {
  readonly path: string;
  readonly title: string;
  readonly referrer: string;
  readonly viewportWidth: number;
  readonly viewportHeight: number;
  readonly loadTimeMs: number;
}

/** With what it was looked at. */
export interface BrowserContext {
  readonly userAgent: string;
  readonly browser: string;
  readonly browserVersion: string;
  readonly os: string;
  readonly deviceType: string;
  readonly screenWidth: number;
  readonly screenHeight: number;
}

/** What is stored where the client states neither: the data model has both in every document. */
export const NO_PAGE: PageContext = {
  path: '',
  title: '',
  referrer: '',
  viewportWidth: 0,
  viewportHeight: 0,
  loadTimeMs: 0,
};
export const NO_BROWSER: BrowserContext = {
  userAgent: '',
  browser: '',
  browserVersion: '',
  os: '',
  deviceType: '',
  screenWidth: 0,
  screenHeight: 0,
};
