/** Where the API puts work and the worker takes it from. Renaming it strands what is running. */
export const TASK_QUEUE = 'experience';
