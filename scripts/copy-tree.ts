import { execFile } from 'node:child_process';
import { copyFile, mkdir, stat, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The files git tracks or would track under `root`, as they lie there now, uncommitted changes included. */
async function sourceFiles(root: string): Promise<string[]> {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { stdout } = await run('git', args, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  return [...new Set(stdout.split('\0'))].filter((file) => file !== '');
}

/** Copies the sources of `root` to `target`; dependencies are linked, since nothing writes there. */
export async function copyTree(root: string, target: string): Promise<void> {
  for (const file of await sourceFiles(root)) {
    const found = await stat(join(root, file)).catch(() => undefined); // deleted, not yet committed
    if (!found?.isFile()) continue;
    await mkdir(dirname(join(target, file)), { recursive: true });
    await copyFile(join(root, file), join(target, file));
  }
  await symlink(resolve(root, 'node_modules'), join(target, 'node_modules'));
}
