import { mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** What is noted of an activity that runs. */
export interface RunningActivity {
  readonly type: string;
  readonly workflowId: string;
  /** Where it stores flushes: which. */
  readonly flushIds?: readonly string[];
  /** What ended the process was thrown in it. */
  readonly guilty?: true;
}

/** A line of fixed width for each activity that runs: `scripts/servers/worker-deaths.mjs` reads them too. */
const LINE_BYTES = 1024;

/**
 * Which activities run, in a file: what it holds after a death ran when the process died, however it died. Each begin
 * and each end is one write into the file's own line, which the kernel keeps when the process is killed.
 */
export function activityNotes(file: string, onError: (error: unknown) => void) {
  mkdirSync(dirname(file), { recursive: true });
  const fd = openSync(file, 'w', 0o600);
  const free: number[] = [];
  let lines = 0;
  let isForgotten = false;

  function put(line: number, activity?: RunningActivity): void {
    if (isForgotten) return;
    const bytes = Buffer.alloc(LINE_BYTES, ' ');
    if (activity !== undefined) bytes.write(textOf(activity));
    bytes.write('\n', LINE_BYTES - 1);
    try {
      writeSync(fd, bytes, 0, LINE_BYTES, line * LINE_BYTES);
    } catch (error) {
      // A full disk is no reason not to store what was acknowledged.
      onError(error);
    }
  }

  return {
    /** Notes one; what is returned changes its line, or ends it. */
    begin(activity: RunningActivity): { readonly accuse: () => void; readonly end: () => void } {
      const line = free.pop() ?? lines++;
      put(line, activity);
      return {
        accuse: () => put(line, { ...activity, guilty: true }),
        end() {
          put(line);
          free.push(line);
        },
      };
    },

    /** For a stop: what is cut off by it is nobody's fault. */
    forget(): void {
      for (let line = 0; line < lines; line++) put(line);
      isForgotten = true;
    },
  };
}

/** As much of it as fits. */
function textOf({ type, workflowId, ...more }: RunningActivity): string {
  const texts = [{ type, workflowId, ...more }, { type }].map((each) => JSON.stringify(each));
  return texts.find((text) => Buffer.byteLength(text) < LINE_BYTES) ?? '';
}

/** What ran when the process that wrote the file died; nothing where it ended in order, or there was none. */
export function readNotes(file: string): RunningActivity[] {
  return linesOf(file).flatMap((line) => {
    try {
      return [JSON.parse(line) as RunningActivity];
    } catch {
      return [];
    }
  });
}

function linesOf(file: string): string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '');
  } catch {
    return [];
  }
}
