import { createBell, type Bell } from "../loops/bell.ts";

/** Who looks at this process's status. While nobody does, nothing is read for it. */
export interface Audience {
  readonly present: boolean;
  /** Rings when somebody comes. */
  readonly arrivals: Bell;
  /** Somebody stays. @returns to be called when they leave */
  join(): () => void;
  /** Somebody asks once. Resolves when there is something to be shown: at once while somebody is there anyway. */
  ask(): Promise<void>;
  /** The status is fresh from now on, or says itself why it is not. */
  shown(): void;
  /** Nobody was there for a while, and it grows old. */
  left(): void;
}

/** Whoever asked is taken to be there for this long, in milliseconds: the page asks first and then stays. */
const ATTENTION_MS = 2_000;

export function createAudience(): Audience {
  const arrivals = createBell();
  const shows = createBell();
  const never = new AbortController().signal;
  let viewers = 0;
  let askedAt = -Infinity;
  let fresh = true;
  const isPresent = (): boolean => viewers > 0 || performance.now() - askedAt < ATTENTION_MS;
  return {
    get present() {
      return isPresent();
    },
    arrivals,
    join: () => {
      viewers += 1;
      arrivals.ring();
      return () => void (viewers -= 1);
    },
    ask: async () => {
      askedAt = performance.now();
      arrivals.ring();
      while (!fresh) await shows.next(never);
    },
    shown: () => {
      fresh = true;
      shows.ring();
    },
    left: () => {
      fresh = false;
    },
  };
}
