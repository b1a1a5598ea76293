import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySwaggerUiOptions } from '@fastify/swagger-ui';
import type { Access } from './access.js';

/** How the API describes itself: who may call a route follows from what the route says of itself. */
export const reference: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Experience',
      version: '1',
      description: 'Errors are RFC 9457 problem details with a `code`; docs/errors.md lists them.',
    },
    components: {
      securitySchemes: {
        appKey: { type: 'http', scheme: 'bearer', description: 'An app key, `exp_...`; also `X-API-Key` or `?key=`.' },
        invitation: { type: 'http', scheme: 'bearer', description: 'An invitation to an app, `exi_...`.' },
        memberToken: { type: 'http', scheme: 'bearer', description: 'A member token, `exm_...`.' },
      },
    },
  },
  transform: ({ schema, url, route }) => ({
    url,
    schema: { ...schema, ...bodyOf(schema), security: securityOf(route.config) },
  }),
};

/** The page without its maker's banner. */
export const referencePage: FastifySwaggerUiOptions = {
  routePrefix: '/docs',
  staticCSP: true,
  theme: { title: 'Experience API', css: [{ filename: 'page.css', content: '.swagger-ui .topbar { display: none }' }] },
};

/** Some bodies are documented but not validated by Fastify, since readers of our own read them. */
function bodyOf(schema: object): { body?: unknown } {
  return 'documentedBody' in schema ? { body: schema.documentedBody } : {};
}

function securityOf(config: object = {}): Record<string, string[]>[] {
  const access = 'access' in config ? (config.access as Access) : 'public';
  if (access === 'public') return [];
  if (access === 'app-key') return [{ appKey: [] }];
  if (access === 'invitation') return [{ invitation: [] }];
  return 'takesServerKey' in config ? [{ memberToken: [] }, { appKey: [] }] : [{ memberToken: [] }];
}
