import { chmodSync, copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cached } from './cache.mjs';
import { run } from './run.mjs';
import { download, filesIn, isExecutable, onPath, search } from './search.mjs';

const NAME = 'temporal-test-server';
const DOWNLOADED = `${NAME}-of-sdk`;
const VERSION = '1.38.0';
const FROM_MAVEN = `${NAME}-${VERSION}`;
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>experience</groupId>
  <artifactId>test-server</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>io.temporal</groupId><artifactId>${NAME}</artifactId><version>${VERSION}</version></dependency>
  </dependencies>
</project>
`;

// The SDK passes the port and nothing else. With `exec` it is the JVM that the SDK stops, not a shell above it.
const WRAPPER = `#!/bin/sh
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$(dirname "$0")/lib/*" io.temporal.testserver.TestServer "$@"
`;

/**
 * Finds or gets Temporal's test server, which skips the time that workflows sleep.
 * @param {{ env: NodeJS.ProcessEnv, cacheDir: string, say: (line: string) => void, signal: AbortSignal }} options
 */
export function findTestServer({ env, cacheDir, say, signal }) {
  const script = fileURLToPath(new URL('try-test-server.mjs', import.meta.url));

  const fromPath = async () => {
    const path = onPath(NAME, env);
    if (path === undefined) throw new Error('there is none');
    return { path, version: 'unknown version' };
  };

  const fromCache = async () => {
    const path = [DOWNLOADED, FROM_MAVEN].map((n) => join(cacheDir, n, NAME)).find((file) => existsSync(file));
    if (path === undefined) throw new Error(`none in ${cacheDir} yet`);
    // The wrapper's own needs; the SDK's binary brings everything along.
    if (path.includes(FROM_MAVEN)) mustHave('java', env);
    return { path, version: path.includes(FROM_MAVEN) ? VERSION : 'of the SDK' };
  };

  const fromDownload = async () => {
    const folder = await cached({ cacheDir, name: DOWNLOADED, say, signal }, async (draft) => {
      const parts = join(draft, 'parts');
      mkdirSync(parts);
      await download({ script, folder: parts, signal });
      const binary = filesIn(parts).find(isExecutable);
      if (binary === undefined) throw new Error('the download holds no executable');
      copyFileSync(binary, join(draft, NAME));
      rmSync(parts, { recursive: true });
    });
    return { path: join(folder, NAME), version: 'of the SDK' };
  };

  const fromMaven = async () => {
    mustHave('java', env);
    const maven = mustHave('mvn', env);
    const folder = await cached({ cacheDir, name: FROM_MAVEN, say, signal }, async (draft) => {
      const pom = join(draft, 'pom.xml');
      writeFileSync(pom, POM);
      await run(maven, ['-B', '-ntp', '-q', '-f', pom, COPY, `-DoutputDirectory=${join(draft, 'lib')}`], {
        env,
        signal,
        boundMs: 5 * 60_000,
        onProgress: (seconds) => {
          say(`${NAME}: Maven: ${String(seconds)} s`);
        },
      });
      const path = join(draft, NAME);
      writeFileSync(path, WRAPPER);
      chmodSync(path, 0o755);
      await run(process.execPath, [script, draft, path], { env, signal, boundMs: 60_000 });
    });
    return { path: join(folder, NAME), version: VERSION };
  };

  return search({
    what: NAME,
    say,
    signal,
    steps: [
      { name: 'PATH', find: fromPath },
      { name: 'cache', find: fromCache },
      { name: 'SDK download', find: fromDownload },
      { name: 'Maven', find: fromMaven },
    ],
    otherwise: 'Install Java and Maven, or put the server on PATH; tests of timers are left out without it.',
  });
}

/**
 * @param {string} name
 * @param {NodeJS.ProcessEnv} env
 */
function mustHave(name, env) {
  const path = onPath(name, env);
  if (path === undefined) throw new Error(`there is no ${name}`);
  return path;
}
