/** Sets a key that came from outside. Plain assignment would make `__proto__` the prototype instead of a key. */
export function setOwnKey<T>(map: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') {
    Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    map[key] = value;
  }
}
