import { type KeyValue, KeyValueStore } from '../kv.ts'

/** What plugins keep, on this thread alone. */
export function localKeyValues(): (plugin: string) => KeyValue {
  const store = new KeyValueStore()
  return (plugin) => {
    const map = store.of(plugin)
    return {
      get: async (key) => map.get(key),
      set: async (key, value, ttlMs) => map.set(key, value, ttlMs),
      delete: async (key) => map.delete(key),
      compareAndSet: async (key, expected, value, ttlMs) => map.compareAndSet(key, expected, value, ttlMs),
      add: async (key, amount, ttlMs) => map.add(key, amount, ttlMs),
    }
  }
}
