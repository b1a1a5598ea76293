// The direction of the house (docs/architecture.md): who may import whom. Type-only imports vanish when the code
// is built, so they may cross layers, except out of domain.

const npm = (...names) => `node_modules/(${names.join('|')})/`;
const anyPackage = 'node_modules/';
/** Neither Node nor a browser is in them: what domain may build on, and nothing that is not here. */
const purePackages = npm('@types/semver', 'error-stack-parser', 'ipaddr\\.js', 're2js', 'semver', 'stackframe');
const codec = '^proto/codec\\.ts$';
/** Of the mains alone. */
const config = '^(config|last-net)\\.ts$';
const outside = '^(test|bench|scripts)/';

/** What a layer may load besides itself. `builtins: false` where Node itself is missing at run time. */
const layer = (name, comment, may, { builtins = true } = {}) => ({
  name: `${name}-layer`,
  comment,
  severity: 'error',
  from: { path: `^${name}/` },
  to: {
    pathNot: [`^${name}/`, ...may],
    dependencyTypesNot: builtins ? ['type-only', 'core'] : ['type-only'],
  },
});

module.exports = {
  forbidden: [
    {
      name: 'domain-is-alone',
      comment: 'domain runs in the workflow sandbox, the API and browsers: it imports pure packages and nothing else.',
      severity: 'error',
      from: { path: '^domain/' },
      to: { pathNot: ['^domain/', purePackages] },
    },
    layer('proto', 'proto turns bytes into domain values and back.', ['^domain/', npm('protobufjs')]),
    layer('db', 'db is MongoDB and nothing else.', ['^domain/', npm('mongodb', 'ulid', 'lru-cache')]),
    layer(
      'workflows',
      'A workflow loads domain by value, everything else by `import type`; Node is not in its sandbox.',
      ['^domain/', npm('@temporalio/workflow', '@temporalio/common')],
      { builtins: false },
    ),
    layer('activities', 'activities reach the world through db.', [
      '^domain/',
      '^db/',
      codec,
      npm(
        '@temporalio/activity',
        '@temporalio/common',
        'nodemailer',
        'standardwebhooks',
        'lru-cache',
        '@jridgewell/trace-mapping',
      ),
    ]),
    layer('worker', 'worker composes activities and the workflow bundle.', [
      '^(domain|db|activities|workflows)/',
      codec,
      config,
      anyPackage,
    ]),
    layer('api', 'The API reads through db and starts workflows by symbol.', [
      '^(domain|db|workflows)/',
      codec,
      config,
      anyPackage,
    ]),
    {
      name: 'nobody-imports-api',
      severity: 'error',
      from: { pathNot: ['^api/', outside] },
      to: { path: '^api/' },
    },
    {
      name: 'nobody-imports-worker',
      severity: 'error',
      from: { pathNot: ['^worker/', outside] },
      to: { path: '^worker/' },
    },
    {
      name: 'api-never-runs-activities',
      comment:
        'The worker runs activities. Only its native connection, cheaper than the client package, serves the API.',
      severity: 'error',
      from: { path: '^api/', pathNot: '^api/temporal\\.ts$' },
      to: {
        path: ['^activities/', npm('@temporalio/activity', '@temporalio/worker')],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'one-door-to-protobuf',
      comment: 'proto/codec.ts is the only way to protobuf: it alone knows that int64 comes as an object.',
      severity: 'error',
      from: { pathNot: ['^proto/', outside] },
      to: { path: ['^proto/gen/', npm('protobufjs')] },
    },
    {
      name: 'only-mains-read-config',
      comment: 'Everything else is given what it needs.',
      severity: 'error',
      from: { pathNot: ['^api/(main|first-run)\\.ts$', '^worker/main\\.ts$', outside] },
      to: { path: config, dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nobody-imports-the-build',
      comment: 'A clone has no dist: what is checked and tested are the sources.',
      severity: 'error',
      from: {},
      to: { path: '^(\\.\\./)*dist/' },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '^dist'] },
    exclude: { path: ['^\\.data/', '^coverage/'] },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
