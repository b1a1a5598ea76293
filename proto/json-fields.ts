/// <reference lib="es2024.string" />
/**
 * The values of proto3 JSON, one reader each. protobufjs' own `fromObject` is no help: it turns "abc" into 0, does not
 * know snake_case and makes "[object Object]" of a nested map.
 */
import { deeperThan } from '../domain/limits.js';
import { lookup, own } from '../domain/loose.js';
import type { StringMap } from './messages.js';

/** Answers undefined where the value has the wrong type; `problem.field` then leads from here to the culprit. */
export type Read<T> = (value: unknown, problem: Problem) => T | undefined;

export interface Problem {
  field: string;
}

export interface Field<T> {
  /** What a missing field and an explicit `null` stand for. */
  readonly absent: T;
  readonly read: Read<NonNullable<T>>;
}

/** A lone surrogate, which JSON can spell and UTF-8 cannot, becomes U+FFFD: what MongoDB would make of it anyway. */
export const string: Field<string> = {
  absent: '',
  read: (value) => (typeof value === 'string' ? value.toWellFormed() : undefined),
};

export const int32: Field<number> = { absent: 0, read: readInt32 };

/** As in protobuf, NaN stands for an integer that a number cannot hold exactly. */
export const int64: Field<number> = {
  absent: 0,
  read: (value) => {
    const integer = readInteger(value);
    return integer === undefined || Number.isSafeInteger(integer) ? integer : NaN;
  },
};

export function enumeration(numbers: Readonly<Record<string, number>>): Field<number> {
  const byName = new Map(Object.entries(numbers));
  return {
    absent: 0,
    read: (value) => (typeof value === 'string' ? byName.get(value) : undefined) ?? readInt32(value),
  };
}

const EMPTY_MAP: StringMap = Object.freeze({});

/** A value that is no string is taken as its JSON text, so that a client need not flatten its properties. */
export const stringMap: Field<StringMap> = {
  absent: EMPTY_MAP,
  read: (value) => {
    if (!isRecord(value)) return undefined;
    const map: Record<string, string> = {};
    for (const [key, entry] of Object.entries(value)) {
      if (entry === null) continue;
      const text = textOf(entry);
      if (text === undefined) return undefined;
      own(map, key.toWellFormed(), text);
    }
    return map;
  },
};

/** Of an entry: less than is read of a body, so that one that was cut there is refused here. */
const MAX_DEPTH = 50;

function textOf(entry: unknown): string | undefined {
  if (typeof entry === 'string') return entry.toWellFormed();
  if (typeof entry === 'number' || typeof entry === 'boolean') return String(entry);
  return deeperThan(entry, MAX_DEPTH) ? undefined : JSON.stringify(entry);
}

export function optional<T extends object>(read: Read<T>): Field<T | undefined> {
  return { absent: undefined, read };
}

export function list<T>(read: Read<T>): Field<readonly T[]> {
  return {
    absent: Object.freeze([]),
    read: (value, problem) => {
      if (!Array.isArray(value)) return undefined;
      const items: T[] = [];
      for (const [index, entry] of value.entries()) {
        const item = read(entry, problem);
        if (item === undefined) {
          problem.field = path(`[${String(index)}]`, problem.field);
          return undefined;
        }
        items.push(item);
      }
      return items;
    },
  };
}

/** Reads an object by the fields' camelCase or snake_case names (the first wins), and leaves out what it does not know. */
export function message<T>(fields: { readonly [Name in keyof T]-?: Field<T[Name]> }): Read<T> {
  const known = Object.entries<Field<unknown>>(fields).map(([name, field]) => ({
    name,
    snake: snakeCase(name),
    field,
  }));
  return (value, problem) => {
    if (!isRecord(value)) return undefined;
    const result: Record<string, unknown> = {};
    for (const { name, snake, field } of known) {
      const given = lookup(value, name) ?? (snake === name ? undefined : lookup(value, snake));
      const read = given == null ? field.absent : field.read(given, problem);
      if (read === undefined && given != null) {
        problem.field = path(name, problem.field);
        return undefined;
      }
      own(result, name, read);
    }
    return result as T;
  };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function path(from: string, rest: string): string {
  return rest === '' || rest.startsWith('[') ? from + rest : `${from}.${rest}`;
}

function readInt32(value: unknown): number | undefined {
  const integer = readInteger(value);
  return integer !== undefined && integer === (integer | 0) ? integer : undefined;
}

/** Protobuf allows an integer as a number (also 1.0 and 1e3) and as a decimal string. */
function readInteger(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? Number(value) : value;
  // Adding zero makes 0 of -0.
  return Number.isInteger(number) ? (number as number) + 0 : undefined;
}
