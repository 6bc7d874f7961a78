// A value that components can watch. Nothing more is needed: screens keep their own state, and data is in query.ts.
import { useEffect, useState } from "preact/hooks";

export interface Store<T> {
    get(): T;
    set(next: T): void;
    subscribe(listener: () => void): () => void;
}

export function createStore<T>(initial: T): Store<T> {
    let value = initial;
    const listeners = new Set<() => void>();
    return {
        get: () => value,
        set: next => {
            if (Object.is(next, value)) return;
            value = next;
            for (const listener of [...listeners]) listener();
        },
        subscribe: listener => {
            listeners.add(listener);
            return () => listeners.delete(listener);
        },
    };
}

export function useStore<T>(store: Store<T>): T {
    const [value, setValue] = useState(store.get());
    useEffect(() => {
        const update = () => setValue(() => store.get());
        update(); // it may have changed between rendering and now
        return store.subscribe(update);
    }, [store]);
    return value;
}
