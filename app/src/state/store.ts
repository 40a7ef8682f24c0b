/** A value that changes outside of React, and how components read it. */

import { useSyncExternalStore } from 'react';

/** Holds an immutable value and tells listeners when it is replaced. */
export class Store<T> {
  private readonly listeners = new Set<() => void>();

  constructor(private value: T) {}

  /** The present value. */
  readonly get = (): T => this.value;

  /** Replaces the value. */
  set(value: T): void {
    if (Object.is(value, this.value)) return;
    this.value = value;
    for (const listener of [...this.listeners]) listener();
  }

  /** Replaces the value by what it becomes. */
  update(change: (value: T) => T): void {
    this.set(change(this.value));
  }

  /** Calls a listener at every change until the returned function is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

/** The value of a store, anew at every change. */
export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.get);
}
