import { Type } from 'typebox';

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'One of docs/errors.md.' }),
    detail: Type.String(),
    instance: Type.String({ description: 'The id of the request, as in the logs.' }),
    survivor: Type.Optional(
      Type.String({ description: 'The error group that stands for the one that was asked for.' }),
    ),
  },
  { description: 'RFC 9457 problem details.' },
);
