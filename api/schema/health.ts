import { type Static, Type } from 'typebox';

export const Alive = Type.Object({ status: Type.Literal('ok') });

export const WorkerState = Type.Object(
  {
    state: Type.Enum(['starting', 'running', 'failing', 'unknown'], {
      description:
        'Failing: it has died so often that it is started only now and then; what is acknowledged waits. Unknown: nobody here watches over it.',
    }),
    reason: Type.Optional(Type.String({ description: 'How it ended the last time.' })),
    diedAt: Type.Optional(Type.String({ format: 'date-time' })),
    suspects: Type.Optional(
      Type.Array(Type.String(), { description: 'The activities that ran at most of its last deaths.' }),
    ),
  },
  { description: 'The worker, where `npm start` watches over it.' },
);
export type WorkerState = Static<typeof WorkerState>;

export const Ready = Type.Object({ status: Type.Literal('ok'), worker: WorkerState });
