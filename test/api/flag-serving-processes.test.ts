import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ObjectId } from 'mongodb';
import { flagFollower } from '../../api/flags/follower.js';
import { flagDefinitions } from '../../db/flag-definitions.js';
import { watchFlagStates } from '../../db/flag-state-stream.js';
import { flagStates } from '../../db/flag-states.js';
import { applySchema } from '../../db/schema.js';
import { currentOf, NOBODY } from '../helper/current-flags.js';
import { testDatabase } from '../helper/database.js';
import { flagEditor } from '../helper/flag-editor.js';
import { newRule } from '../helper/flags.js';
import { SLACK_MS, until } from '../helper/until.js';

describe('two processes over one database', () => {
  it('never answer differently at one version, through 200 rapid edits, and both are soon at the last', async () => {
    const { client, db, close } = await testDatabase('followers');
    await applySchema(db);
    const build = () =>
      flagFollower({
        definitions: flagDefinitions(client, db),
        states: flagStates(db),
        watch: () => watchFlagStates(db),
      });
    const processes = [build(), build()] as const;
    try {
      const app = { id: new ObjectId(), appId: 'shop' };
      const edit = flagEditor(client, db);
      await edit.create(app, 'n', { type: 'number', defaultValue: 0 });
      await edit.create(app, 'm', { type: 'number', defaultValue: 0 });
      const answers = new Map<number, string>();
      let compared = 0;
      let isEditing = true;
      const watching = processes.map(async (process) => {
        let last = 0;
        while (isEditing) {
          await sleep(1);
          const compiled = (await currentOf(process, app.id))?.compiled;
          if (compiled === undefined) continue;
          const { version } = compiled;
          assert.ok(version >= last, 'never back');
          last = version;
          const said = JSON.stringify([...compiled.all(NOBODY)]);
          const known = answers.get(version);
          if (known === undefined) answers.set(version, said);
          else {
            assert.equal(said, known, `version ${String(version)}`);
            compared++;
          }
        }
      });
      const isEnough = () => answers.size > 50 && compared > 50;
      for (let edits = 1; edits <= 200 || (!isEnough() && edits <= 2_000); edits++)
        await edit.change(app, edits % 2 === 0 ? 'n' : 'm', { rules: [newRule('r', { value: edits })] });
      const newest = await edit.version(app);
      const start = performance.now();
      for (const process of processes)
        await until('the last version', async () => (await currentOf(process, app.id))?.compiled.version === newest);
      assert.ok(performance.now() - start < 2_000 + SLACK_MS, 'not at the last version within two seconds');
      isEditing = false;
      await Promise.all(watching);
      assert.ok(isEnough(), `${String(answers.size)} versions, ${String(compared)} compared`);
    } finally {
      for (const process of processes) await process.close();
      await close();
    }
  });
});
