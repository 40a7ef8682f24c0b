/** What a page showed last, kept on this device so that it is there without a network; by network and wallet. */

const NAME = 'multibus';
const STORE = 'last';
/** States that are kept at most; the oldest goes. */
const KEPT = 4;

interface Entry {
  readonly key: string;
  readonly at: number;
  readonly value: unknown;
}

function request<T>(asked: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error ?? new Error('the browser keeps nothing'));
  });
}

async function store(mode: IDBTransactionMode): Promise<IDBObjectStore> {
  const opening = indexedDB.open(NAME, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: 'key' });
  const database = await request(opening);
  return database.transaction(STORE, mode).objectStore(STORE);
}

/** Keeps a value in place of the last one under its key; whether the browser did. */
export async function keepLast(key: string, value: unknown): Promise<boolean> {
  try {
    const kept = await store('readwrite');
    await request(kept.put({ key, at: Date.now(), value } satisfies Entry));
    const all = (await request(kept.getAll())) as readonly Entry[];
    const old = all.toSorted((a, b) => b.at - a.at).slice(KEPT);
    await Promise.all(old.map((entry) => request(kept.delete(entry.key))));
    return true;
  } catch {
    return false;
  }
}

/** The last value under a key; `undefined` where there is none, or none that this browser gives back. */
export async function readLast(key: string): Promise<unknown> {
  try {
    const found = (await request((await store('readonly')).get(key))) as Entry | undefined;
    return found?.value;
  } catch {
    return undefined;
  }
}
