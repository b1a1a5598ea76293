import { closeSync, copyFileSync, existsSync, openSync, readSync, statSync, truncateSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

const CAP_BYTES = 20 * 1024 * 1024;
const LOOK_EVERY_MS = 250;
const MOST_AT_ONCE = 1024 * 1024;
const LINES_AT_ONCE = 20;
const ERROR_LEVEL = 50;

/**
 * Keeps a log file under a cap with one older part beside it. Its writers append, so that cutting it to nothing is
 * safe; the lines of that very moment may be lost.
 * @param {string} file
 * @param {number} [capBytes]
 */
export function capLog(file, capBytes = CAP_BYTES) {
  if (!existsSync(file) || statSync(file).size <= capBytes) return;
  copyFileSync(file, `${file}.1`);
  truncateSync(file);
}

/**
 * Shows what goes wrong in a log of JSON lines while it is written: errors, and lines that are no JSON at all, such as
 * the last words of a process that crashed.
 * @param {{ name: string, file: string, say: (line: string) => void }} options
 */
export function followProblems({ name, file, say }) {
  let offset = existsSync(file) ? statSync(file).size : 0;
  let rest = '';
  const decoder = new StringDecoder('utf8');

  const look = () => {
    const size = existsSync(file) ? statSync(file).size : 0;
    if (size < offset) offset = 0;
    if (size === offset) return;
    const lines = (rest + decoder.write(readRange(file, Math.max(offset, size - MOST_AT_ONCE), size))).split('\n');
    offset = size;
    rest = lines.pop() ?? '';
    const problems = lines.flatMap((line) => problemIn(line) ?? []);
    for (const problem of problems.slice(0, LINES_AT_ONCE)) say(`${name}: ${problem}`);
    const more = problems.length - LINES_AT_ONCE;
    if (more > 0) say(`${name}: ${String(more)} more, see ${file}`);
  };

  let complaint = '';
  const turn = () => {
    try {
      look();
      capLog(file);
      complaint = '';
    } catch (error) {
      // A full disk, or a file that has just gone, is no reason to stop everything. It is said once.
      if (complaint !== String(error)) say(`${name}: ${file} cannot be followed now: ${String(error)}`);
      complaint = String(error);
    }
  };
  const timer = setInterval(turn, LOOK_EVERY_MS);
  return {
    stop() {
      clearInterval(timer);
      turn();
    },
  };
}

/**
 * What a log line has to say to somebody who only wants to hear of trouble. API and worker give the level as a number
 * (pino), mongod as a letter, Temporal as a word.
 * @param {string} line
 * @returns {string | undefined}
 */
export function problemIn(line) {
  if (line.trim() === '') return undefined;
  let entry;
  try {
    entry = JSON.parse(line);
  } catch {
    return line;
  }
  if (typeof entry !== 'object' || entry === null) return undefined;
  if (!(entry.level >= ERROR_LEVEL || /^(E|F|error|fatal)$/.test(entry.s ?? entry.level))) return undefined;
  const message = String(entry.msg ?? entry.message ?? line);
  const causes = [entry.err, entry.error, entry.attr?.error]
    .map((cause) => cause?.message ?? cause?.errmsg ?? cause)
    .filter((cause) => cause !== undefined && !message.includes(String(cause)))
    .map((cause) => (typeof cause === 'string' ? cause : JSON.stringify(cause)));
  return [message, ...causes].join(': ');
}

/**
 * The last a process had to say, for the moment it dies: the problems in its last lines, or those lines themselves.
 * @param {string} file
 * @param {number} from where it began to write
 * @param {number} [count]
 */
export function lastWords(file, from, count = 8) {
  if (!existsSync(file)) return '';
  const size = statSync(file).size;
  const text = readRange(file, Math.max(size < from ? 0 : from, size - 16_384), size).toString();
  const lines = text.trim().split('\n');
  const problems = lines.flatMap((line) => problemIn(line) ?? []);
  return (problems.length > 0 ? problems : lines).slice(-count).join('\n');
}

/**
 * @param {string} file
 * @param {number} from
 * @param {number} to
 */
function readRange(file, from, to) {
  const bytes = Buffer.alloc(Math.max(to - from, 0));
  const handle = openSync(file, 'r');
  try {
    return bytes.subarray(0, readSync(handle, bytes, 0, bytes.length, from));
  } finally {
    closeSync(handle);
  }
}
