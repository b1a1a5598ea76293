import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';

interface Service {
  readonly image: string;
  readonly user?: string;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly read_only?: boolean;
  readonly tmpfs?: readonly string[];
  readonly mem_limit?: string;
  readonly networks?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, unknown>>;
}

interface Deployment {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>;
}

const read = (name: string): string => readFileSync(join(import.meta.dirname, '..', '..', name), 'utf8');
const text = read('docker-compose.yml');
const { services, networks } = parse(text, { merge: true }) as Deployment;
const all = Object.entries(services);
const namesOf = (wanted: (service: Service) => boolean): string[] =>
  all.filter(([, service]) => wanted(service)).map(([name]) => name);

/** What would widen a bound again. */
const WIDER = ['cap_add', 'privileged', 'network_mode', 'pid', 'ipc', 'userns_mode', 'devices', 'group_add'];

/** Begin as root, unless they are told not to. */
const BEGIN_AS_ROOT = /^(?:mongo|postgres):/;

describe('docker-compose.yml', () => {
  it('bounds each service: no capability, no new privileges, nothing written but to volumes and memory', () => {
    assert.ok(all.length >= 9);
    for (const [name, service] of all) {
      assert.deepEqual(service.cap_drop, ['ALL'], name);
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
      assert.equal(service.read_only, true, name);
      assert.ok(service.tmpfs?.includes('/tmp'), name);
      assert.match(service.mem_limit ?? '', /^(?:\d+[mg]|\$\{[A-Z]+_MEMORY:-\d+[mg]\})$/, name);
      assert.deepEqual(
        Object.keys(service).filter((key) => WIDER.includes(key)),
        [],
        name,
      );
    }
  });

  it('runs nobody as root', () => {
    for (const [name, { image, user }] of all) {
      if (BEGIN_AS_ROOT.test(image)) assert.match(user ?? '', /^[1-9]\d*:[1-9]\d*$/, name);
      else
        assert.ok(/^(?:experience|temporalio\/(?:server|admin-tools|ui)):/.test(image), `${name}: whom runs ${image}?`);
    }
    assert.match(read('Dockerfile'), /^USER node$/m);
  });

  it('has the databases and Temporal where nobody comes in and nothing goes out', () => {
    assert.deepEqual(Object.keys(networks), ['inside', 'outside']);
    assert.equal(networks['inside']?.internal, true);
    for (const [name, service] of all) assert.ok(service.networks?.includes('inside'), name);
    assert.deepEqual(
      namesOf((service) => service.networks?.includes('outside') === true),
      ['api', 'worker', 'temporal-ui'],
    );
    assert.deepEqual(
      namesOf((service) => service.ports !== undefined),
      ['api', 'temporal-ui'],
    );
  });

  it('publishes on loopback only', () => {
    for (const port of all.flatMap(([, { ports = [] }]) => ports)) assert.match(port, /^127\.0\.0\.1:/);
  });

  it('tells nobody the password of MongoDB’s root who does not need it', () => {
    const told = namesOf(({ environment = {} }) => JSON.stringify(environment).includes('MONGODB_ROOT_PASSWORD'));
    assert.deepEqual(told, ['mongodb', 'mongodb-users']);
    for (const name of ['api', 'worker']) {
      const { MONGODB_URL = '' } = services[name]?.environment ?? {};
      assert.match(MONGODB_URL, /^mongodb:\/\/experience:.*@mongodb:27017\/experience\?/);
      assert.ok(Object.keys(services[name]?.depends_on ?? {}).includes('mongodb-users'), name);
    }
  });

  it('keeps what a worker notes where a restart finds it', () => {
    const { environment, volumes = [], tmpfs = [] } = services['worker'] ?? assert.fail();
    const file = environment?.['ACTIVITY_NOTES_FILE'] ?? '';
    assert.ok(volumes.some((volume) => file.startsWith(`${volume}/`)));
    assert.ok(!tmpfs.some((folder) => file.startsWith(`${folder}/`)));
    assert.ok(volumes.every((volume) => read('Dockerfile').includes(`--owner node --group node ${volume}\n`)));
  });

  it('has Temporal’s HTTP API off, and its UI open to no other origin', () => {
    assert.equal(services['temporal']?.environment?.['FRONTEND_HTTP_PORT'], '0');
    const { environment, ports } = services['temporal-ui'] ?? assert.fail();
    assert.equal(environment?.['TEMPORAL_CORS_ORIGINS'], 'http://localhost:${TEMPORAL_UI_PORT:-8233}');
    assert.deepEqual(ports, ['127.0.0.1:${TEMPORAL_UI_PORT:-8233}:8080']);
  });

  it('asks for no setting that .env.example does not list', () => {
    const listed = new Set(read('.env.example').match(/(?<=^#)[A-Z][A-Z_]+(?==)/gm));
    const asked = new Set([...text.matchAll(/\$\{([A-Z_]+)/g)].map(([, name = '']) => name));
    assert.deepEqual(
      [...asked].filter((name) => !listed.has(name)),
      [],
    );
  });
});
