import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const TICKS_A_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

export interface ProcessUse {
  readonly cpuSeconds: number;
  readonly rssMiB: number;
}

/** What a process has used so far, from `/proc`. */
export function processUse(pid: number): ProcessUse {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
  // The name in brackets may hold spaces, so fields are counted from behind it: utime and stime are 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? '0';
  return { cpuSeconds, rssMiB: Math.round(Number(rss) / 1024) };
}
