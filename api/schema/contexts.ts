import { Type } from 'typebox';

export const PageContext = Type.Object({
  path: Type.String(),
  title: Type.String(),
  referrer: Type.String(),
  viewportWidth: Type.Integer(),
  viewportHeight: Type.Integer(),
  loadTimeMs: Type.Integer(),
});

export const BrowserContext = Type.Object({
  userAgent: Type.String(),
  browser: Type.String(),
  browserVersion: Type.String(),
  os: Type.String(),
  deviceType: Type.String(),
  screenWidth: Type.Integer(),
  screenHeight: Type.Integer(),
});
