import { measureEvaluation, printEvaluation } from './flags-evaluation.js';
import { measureServing, printServing, servingFigures } from './flags-serving.js';
import { measureSets, printSets } from './flags-sets.js';
import { benchSystem } from './system.js';

// npm run bench:flags: evaluation in process, serving, and bringing sets to a new version, all from one run.

const evaluation = measureEvaluation();
const system = await benchSystem();
try {
  await system.start();
  const serving = await measureServing(system);
  const sets = await measureSets(system);
  printEvaluation(evaluation);
  printServing(serving);
  printSets(sets);
  console.log(JSON.stringify({ evaluation, serving: servingFigures(serving), sets }));
} finally {
  await system.stop();
}
process.exit();
