import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import protobuf from 'protobufjs';
import { FlagType, readErrorBatchJson, readEventBatchJson, Severity } from '../../proto/codec.js';
import { CODECS, readRefusals, readVectors } from './vectors.js';

const vectors = readVectors();

function codecOf({ message }: { readonly message: string }) {
  const codec = CODECS[message];
  assert.ok(codec, `no codec for ${message}`);
  return codec;
}

describe("Google's protobuf and ours", () => {
  for (const vector of vectors) {
    it(`reads ${vector.name} as Google's decoder does`, () => {
      assert.deepEqual(codecOf(vector).decode(vector.bytes), vector.value);
    });
  }

  for (const vector of vectors.filter(({ exact }) => exact)) {
    it(`writes ${vector.name} with the bytes that Google's decoder has read back`, () => {
      assert.ok(vector.ours, 'written and read back by npm run gen:vectors');
      assert.equal(hex(codecOf(vector).encode(vector.value)), hex(vector.ours));
      assert.deepEqual(codecOf(vector).decode(vector.ours), vector.value);
    });
  }

  for (const vector of vectors.filter(({ json }) => json !== undefined)) {
    it(`reads ${vector.name} from Google's JSON, by camelCase and by snake_case names`, () => {
      const read = vector.message === 'EventBatch' ? readEventBatchJson : readErrorBatchJson;
      assert.deepEqual(read(JSON.stringify(vector.json)), vector.value);
      assert.deepEqual(read(JSON.stringify(vector.snakeJson)), vector.value);
    });
  }

  for (const refusal of readRefusals()) {
    it(`refuses what Google's decoder refuses: ${refusal.name}`, () => {
      const bytes = Buffer.from(refusal.hex, 'hex');
      assert.throws(() => codecOf(refusal).decode(bytes), { name: 'PlatformError', code: 'BODY_MALFORMED' });
    });
  }
});

describe('the schema', () => {
  const schema = new protobuf.Root();
  schema.resolvePath = (_origin, file) => join(import.meta.dirname, '..', '..', 'proto', file);
  schema.loadSync(['events.proto', 'errors.proto', 'flags.proto']).resolveAll();
  const types = schema.lookup('shellapps.experience') as protobuf.Namespace;

  it('has a vector for every field of every message, every enum value and every arm of a oneof', () => {
    const declared = types.nestedArray.flatMap((type) => {
      if (type instanceof protobuf.Type) return type.fieldsArray.map(({ name }) => `${type.name}.${name}`);
      if (type instanceof protobuf.Enum)
        return Object.values(type.values).map((value) => `${type.name}.${String(value)}`);
      return [];
    });
    assert.ok(declared.length > 100);

    const seen = new Set<string>();
    for (const { message, value } of vectors) collect(types.lookupType(message), value, seen);
    assert.deepEqual(
      declared.filter((name) => !seen.has(name)),
      [],
    );
  });

  it('has the same numbers for its enums as the codec', () => {
    assert.deepEqual({ ...types.lookupEnum('Severity').values }, Severity);
    assert.deepEqual({ ...types.lookupEnum('FlagType').values }, FlagType);
  });

  /** A field counts when it has another value than its default, an enum value also when it is the default. */
  function collect(type: protobuf.Type, message: object, seen: Set<string>): void {
    for (const field of type.fieldsArray) {
      const value = (message as Record<string, unknown>)[field.name];
      const items = field.map ? Object.values(value as object) : field.repeated ? (value as unknown[]) : [value];
      for (const item of items.filter((each) => each !== undefined)) {
        const isDefault = item === '' || item === 0 || item === false;
        if (!isDefault || field.map || field.repeated || field.partOf) seen.add(`${type.name}.${field.name}`);
        if (field.resolvedType instanceof protobuf.Type) collect(field.resolvedType, item as object, seen);
        if (field.resolvedType instanceof protobuf.Enum) seen.add(`${field.resolvedType.name}.${String(item)}`);
      }
    }
  }
});

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
