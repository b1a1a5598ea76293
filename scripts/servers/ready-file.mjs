import { renameSync, rmSync, writeFileSync } from 'node:fs';

/**
 * @typedef {object} Ready
 * @property {number} pid
 * @property {string} apiUrl
 * @property {string | undefined} temporalUiUrl
 * @property {string} temporalAddress
 * @property {string} mongodbUrl
 * @property {string} ownerToken
 * @property {{ appId: string, apiKey: string, serverKey: string, dsn: string }} demo
 */

/**
 * What runs, for programs: there while it is ready and at no other time, for the owner's eyes only.
 * @param {string} file
 */
export function readyFile(file) {
  return {
    /** @param {Ready} ready */
    write(ready) {
      const draft = `${file}.${String(process.pid)}`;
      writeFileSync(draft, `${JSON.stringify(ready, undefined, 2)}\n`, { mode: 0o600 });
      renameSync(draft, file);
    },
    remove() {
      rmSync(file, { force: true });
    },
  };
}

/**
 * What runs, for people.
 * @param {Ready} ready
 */
export function readyTable({ apiUrl, temporalUiUrl, ownerToken, demo }) {
  const rows = [
    ['API', apiUrl],
    ['API reference', `${apiUrl}/docs`],
    ...(temporalUiUrl === undefined ? [] : [['Temporal UI', temporalUiUrl]]),
    ['Owner token', ownerToken],
    ['Demo app', demo.appId],
    ['  client key', demo.apiKey],
    ['  server key', demo.serverKey],
    ['  DSN', demo.dsn],
  ];
  const [widest] = rows.map(([name = '']) => name.length).sort((a, b) => b - a);
  return rows.map(([name = '', value]) => `  ${name.padEnd(widest ?? 0)}  ${value ?? ''}`).join('\n');
}
