import { ObjectId } from 'mongodb';
import { flagFollower } from '../../api/flags/follower.js';
import { rolloutWatch } from '../../api/flags/rollout-watch.js';
import { flagSignaller } from '../../api/flags/signaller.js';
import { stateFeed } from '../../api/flags/state-feed.js';
import { flagStreams, type Wire } from '../../api/flags/streams.js';
import { flagUsage } from '../../api/flags/usage.js';
import { flagWriteBack } from '../../api/flags/write-back.js';
import { staysThoughThereFails } from '../helper/trouble.js';

const appId = new ObjectId();
const app = { id: appId, appId: 'shop' };
const resolved = Promise.resolve(undefined);

staysThoughThereFails([
  {
    name: 'all that the follower of flags reads',
    begin: (it_) => {
      const follower = flagFollower({
        definitions: { read: it_.does(Promise.resolve({ version: 1, flags: [], segments: [] } as never)) },
        states: { find: it_.does(resolved), versions: it_.does(Promise.resolve([])) },
        watch: it_.does({ next: () => new Promise(() => undefined), close: it_.does(resolved) }) as never,
        log: { warn: it_.does(undefined), debug: it_.does(undefined) },
      });
      const ask = async (): Promise<boolean> => {
        try {
          await follower.current(appId);
          return true;
        } catch {
          return false;
        }
      };
      void ask();
      return { goesOn: ask };
    },
  },
  {
    name: 'the stream of changes of flags, its end and its clock',
    begin: (it_) => {
      const feed = stateFeed({
        states: { versions: it_.does(Promise.resolve([])) },
        watch: () => ({
          next: it_.does(new Promise<undefined>((resolve) => setTimeout(resolve, 20, undefined))),
          close: it_.does(resolved),
        }),
        clock: it_.does(0),
        onChange: it_.does(undefined),
        onPoll: it_.does(undefined),
        log: { warn: it_.does(undefined), debug: it_.does(undefined) },
      });
      feed.start();
      return { goesOn: () => it_.calls() > 3, stop: feed.stop };
    },
  },
  {
    name: 'the other end of a stream',
    begin: (it_) => {
      const told: ((change: { version: number; changedKeys: string[] }) => void)[] = [];
      const heard: string[] = [];
      const streams = flagStreams({
        follower: {
          subscribe: (_appId, listener) => {
            told.push(listener);
            return Promise.resolve({ version: 1, end: it_.does(undefined) });
          },
        },
        recheckMs: 5,
        log: { debug: it_.does(undefined) },
      });
      const wire = (send: Wire['send']): Wire => ({ send, waitingBytes: () => 0, end: it_.does(undefined) });
      const sender = { keyId: 'k', app } as never;
      const bad = wire(it_.does(Promise.resolve()));
      const hear = ({ id }: { readonly id: string }): Promise<void> => Promise.resolve(void heard.push(id));
      void streams.open(sender, bad, 0, it_.does(resolved)).catch(() => undefined);
      void streams.open(sender, wire(hear), 0, () => resolved);
      let version = 1;
      return {
        goesOn: () => {
          version += 1;
          for (const tell of told) tell({ version, changedKeys: [] });
          return heard.includes(String(version));
        },
        stop: streams.close,
      };
    },
  },
  {
    name: 'Temporal, where counts of flags go',
    begin: (it_) => {
      const client = {
        withDeadline: (_at: number, work: () => unknown) => work(),
        workflow: { start: it_.does(resolved) },
      };
      const usage = flagUsage({ temporal: it_.does(client as never), log: { warn: it_.does(undefined) }, everyMs: 5 });
      usage.count(appId, 'flag', true);
      return { goesOn: () => it_.calls() > 1, stop: usage.stop };
    },
  },
  {
    name: 'the store of sets that answers evaluate',
    begin: (it_) => {
      const { writeBack, drain } = flagWriteBack({
        writes: { back: it_.does(Promise.resolve(0) as never) },
        log: { debug: it_.does(undefined) },
        everyMs: 5,
        now: it_.does(0),
      });
      const entry = () => {
        const set = { flags: {}, computedAt: '' } as never;
        writeBack({ appId, profileId: new ObjectId(), version: 1, profileRev: 0, set });
      };
      entry();
      return {
        goesOn: () => {
          entry();
          return it_.calls() > 1;
        },
        stop: drain,
      };
    },
  },
  {
    name: 'what is known of rollouts',
    begin: (it_) => {
      const watch = rolloutWatch({
        flagRollouts: { watched: it_.does(Promise.resolve([])) },
        reads: { profiles: it_.does(Promise.resolve([])) },
        rolloutProfiles: { serve: it_.does(resolved as never) },
        profileIdOf: () => appId,
        log: { debug: it_.does(undefined) },
        now: () => 0,
      });
      watch.note(app as never, { compiled: {} as never, context: undefined, profileId: appId, targetingKey: 'ada' });
      return { goesOn: () => it_.calls() > 0, stop: watch.stop };
    },
  },
  {
    name: 'Temporal, where changes of flags are told',
    begin: (it_) => {
      const client = { workflow: { signalWithStart: it_.does(resolved) } };
      const signaller = flagSignaller({
        temporal: it_.does(client as never),
        log: { warn: it_.does(undefined) },
        everyMs: 5,
      });
      signaller.onChanged(appId, 'shop');
      signaller.onChanged(appId, 'shop');
      return {
        goesOn: () => {
          signaller.onChanged(appId, 'shop');
          return it_.calls() > 1;
        },
        stop: signaller.drain,
      };
    },
  },
]);
