import diagnostics from 'node:diagnostics_channel';
import type { FastifyInstance } from 'fastify';

export interface Route {
  readonly method: string;
  readonly url: string;
  /** What the route says about who may call it. */
  readonly access: unknown;
  /** Whether a server key will do as well. */
  readonly takesServerKey: boolean;
}

/** Every route that is added to an instance while `build` runs. */
export async function routesOf<T>(build: () => Promise<T>): Promise<{ readonly built: T; readonly routes: Route[] }> {
  const routes: Route[] = [];
  const onInstance = (message: unknown): void => {
    const { fastify } = message as { readonly fastify: FastifyInstance };
    fastify.addHook('onRoute', ({ method, url, config }) => {
      const access: unknown = config === undefined ? undefined : Reflect.get(config, 'access');
      const takesServerKey = config !== undefined && 'takesServerKey' in config;
      for (const each of [method].flat()) routes.push({ method: each, url, access, takesServerKey });
    });
  };
  diagnostics.subscribe('fastify.initialization', onInstance);
  try {
    return { built: await build(), routes };
  } finally {
    diagnostics.unsubscribe('fastify.initialization', onInstance);
  }
}
