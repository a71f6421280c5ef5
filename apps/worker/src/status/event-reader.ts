import { ProjectionError, type Bootstrap, type Following, type Model } from "@headstart/projection-bootstrap";

interface Booted {
  readonly model: Model;
  readonly following: Following;
}

/** Boots the read model when it is first needed, and again when the log was replaced by an older one. */
export class EventReader implements AsyncDisposable {
  readonly #bootstrap: Bootstrap;
  readonly #signal: AbortSignal;
  #booted: Booted | undefined;

  constructor(bootstrap: Bootstrap, signal: AbortSignal) {
    this.#bootstrap = bootstrap;
    this.#signal = signal;
  }

  async boot(): Promise<Booted> {
    if (this.#booted === undefined) {
      const booted = await this.#bootstrap.boot({ signal: this.#signal });
      // Looks are asked for by `poll`; the follower's own keep what a look after a quiet hour has to read short.
      const following = this.#bootstrap.follow(booted, { pollMs: 60_000, signal: this.#signal });
      this.#booted = { model: booted.model, following };
    }
    return this.#booted;
  }

  /** The model with every event that is final now. */
  async read(): Promise<Model> {
    const { model, following } = await this.boot();
    try {
      await following.poll();
    } catch (error) {
      if (error instanceof ProjectionError && error.code === "POSITION_MISSED") await this.#close();
      throw error;
    }
    return model;
  }

  async #close(): Promise<void> {
    const booted = this.#booted;
    this.#booted = undefined;
    await booted?.following.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }
}
