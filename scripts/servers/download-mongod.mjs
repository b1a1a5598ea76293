// Downloads a mongod into the folder given, in a process of its own so that it can be stopped at any moment.
// The version is the first of 8.0 without CVE-2025-14847.
import { MongoBinary } from 'mongodb-memory-server-core/lib/util/MongoBinary.js';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('which folder?');
try {
  await MongoBinary.getPath({ version: '8.0.17', downloadDir: folder });
} catch (error) {
  console.error(String(error instanceof Error ? error.message : error).replaceAll(/\s+/g, ' '));
  process.exitCode = 1;
}
