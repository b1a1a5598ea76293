import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

// Built once for an image or a start, so that no worker spends its first seconds on it: node worker/bundle.js <outfile>
const [outfile = 'dist/workflow-bundle.js'] = process.argv.slice(2);
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const workflowsPath = fileURLToPath(new URL(`../workflows/index.${extension}`, import.meta.url));
const { code } = await bundleWorkflowCode({ workflowsPath });
await writeFile(outfile, code);
