/** Builds at a time in this process: changeable while it runs. */
export interface Concurrency {
  readonly current: number;
  /** @throws WorkerError `CONFIG_INVALID` when it is no whole number from 1 to 64 */
  change(to: number): void;
}
