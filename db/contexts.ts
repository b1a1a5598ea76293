import type { BrowserContext, PageContext } from '../domain/contexts.js';
import { documentOf, number, string } from './json-schema.js';

export const pageContext = documentOf<PageContext>({
  path: string,
  title: string,
  referrer: string,
  viewportWidth: number,
  viewportHeight: number,
  loadTimeMs: number,
});

export const browserContext = documentOf<BrowserContext>({
  userAgent: string,
  browser: string,
  browserVersion: string,
  os: string,
  deviceType: string,
  screenWidth: number,
  screenHeight: number,
});
