import { nextPollMs } from "@headstart/materializer";
import { Clock, type Process } from "./clock.ts";
import type { Measured, StepCost } from "./costs.ts";
import type { Deployment } from "./deployment.ts";
import { Line } from "./line.ts";
import { arrive, type Push } from "./pushes.ts";
import { seededRandom, type Random } from "./random.ts";
import { Station } from "./station.ts";
import { WriteAheadLog } from "./write-ahead-log.ts";

/** A push on its way to its readers. */
interface Change extends Push {
  readonly announced: boolean;
}

interface Branch {
  wanted: Change[];
  building: boolean;
}

interface Repository {
  changedAt: number;
  /** Pushes that nobody has looked at. */
  unseen: Change[];
  due: boolean;
  observing: boolean;
  hints: number;
  /** Grows with each plan to poll, so that an older plan is void. */
  poll: number;
  readonly branches: Map<number, Branch>;
}

export interface Counts {
  pushes: number;
  observations: number;
  /** Observations that no webhook had asked for. */
  polls: number;
  fetches: number;
  builds: number;
}

const pollBounds = { pollMinMs: 45_000, pollMaxMs: 15 * 60_000 };

/** One database, its workers and its part of the repositories; the services that shards share it has a part of. */
export class Shard {
  readonly clock = new Clock();
  readonly database: Station;
  readonly log: WriteAheadLog;
  readonly workers: Station;
  readonly observers: Station;
  readonly builders: Station;
  readonly git: Station;
  readonly broker: Station;
  readonly counts: Counts = { pushes: 0, observations: 0, polls: 0, fetches: 0, builds: 0 };
  /** Milliseconds from push to reader, of pushes since the last reset; of those without a webhook apart. */
  latencies: number[] = [];
  lateLatencies: number[] = [];
  /** Processor time of the database that notifications took. */
  notifiedMs = 0;
  readonly #deployment: Deployment;
  readonly #measured: Measured;
  readonly #random: Random;
  readonly #repositories: Repository[];
  readonly #due = new Line<Repository>();
  #repositoriesWaiting = 0;

  constructor(deployment: Deployment, measured: Measured, seed: number) {
    const { assumptions, shards, workerMachines: machines, machineProcessors } = deployment;
    this.#deployment = deployment;
    this.#measured = measured;
    this.#random = seededRandom(seed);
    this.database = new Station(this.clock, deployment.databaseProcessors);
    this.log = new WriteAheadLog(this.clock, {
      flushMs: assumptions.flushMs,
      bytesPerMs: assumptions.logBytesPerSecond / 1_000,
    });
    this.workers = new Station(this.clock, machines * machineProcessors);
    const processes = machines * deployment.processes;
    this.observers = new Station(this.clock, processes * deployment.observers);
    this.builders = new Station(this.clock, processes * deployment.builders);
    this.git = new Station(this.clock, Math.max(1, Math.floor(assumptions.gitConcurrency / shards)));
    this.broker = new Station(this.clock, 1);
    this.#repositories = Array.from({ length: Math.ceil(deployment.repositories / shards) }, () => ({
      changedAt: -this.#random() * 86_400_000,
      unseen: [],
      due: false,
      observing: false,
      hints: 0,
      poll: 0,
      branches: new Map(),
    }));
  }

  /** Runs for `warmupMs` uncounted and then for `ms` of simulated time. */
  run(pushesPerSecond: number, { warmupMs, ms }: { warmupMs: number; ms: number }): void {
    const { repositories, branches, shards, assumptions } = this.#deployment;
    const arriving = {
      perSecond: pushesPerSecond,
      repositories: Math.ceil(repositories / shards),
      branches: branches / shards,
      assumptions,
      random: this.#random,
    };
    for (const repository of this.#repositories) this.#planPoll(repository, this.#random());
    arrive(this.clock, arriving, (push, announced) => this.#pushed({ ...push, announced }));
    this.clock.run(warmupMs);
    this.#reset();
    this.clock.run(warmupMs + ms);
  }

  #reset(): void {
    for (const place of [this.database, this.log, this.workers, this.observers, this.builders]) place.reset();
    this.git.reset();
    this.broker.reset();
    Object.assign(this.counts, { pushes: 0, observations: 0, polls: 0, fetches: 0, builds: 0 });
    [this.latencies, this.lateLatencies, this.notifiedMs] = [[], [], 0];
  }

  /** Pushes that are not served yet. */
  get unserved(): number {
    let count = 0;
    for (const { unseen, branches } of this.#repositories) {
      count += unseen.length;
      for (const { wanted } of branches.values()) count += wanted.length;
    }
    return count;
  }

  #pushed(change: Change): void {
    this.counts.pushes += 1;
    this.#repositories[change.repository]?.unseen.push(change);
    if (change.announced) this.clock.start(this.#announce(change));
  }

  /** Webhook, delivery row, broker, hint. */
  *#announce({ repository: number }: Change): Process {
    const { hint } = this.#measured.costs;
    const { webhookMs, brokerMessagesPerSecond } = this.#deployment.assumptions;
    yield* this.workers.use(webhookMs);
    // The delivery is one row more, written as durably as a hint is.
    yield* this.#inDatabase(hint);
    yield* this.broker.use(1_000 / brokerMessagesPerSecond);
    yield* this.workers.use(hint.nodeMs);
    yield* this.#inDatabase(hint);
    const repository = this.#repositories[number];
    if (repository === undefined) return;
    repository.hints += 1;
    yield* this.#notify();
    this.#makeDue(repository);
  }

  #makeDue(repository: Repository): void {
    if (repository.due || repository.observing) return;
    repository.due = true;
    this.#due.push(repository);
    this.clock.start(this.#observeNext());
  }

  *#observeNext(): Process {
    yield* this.observers.acquire();
    const repository = this.#due.shift();
    if (repository !== undefined) yield* this.#observe(repository);
    this.observers.release();
  }

  *#observe(repository: Repository): Process {
    repository.due = false;
    repository.observing = true;
    const { hints } = repository;
    const seen = repository.unseen;
    repository.unseen = [];
    this.counts.observations += 1;
    if (seen.every((change) => !change.announced)) this.counts.polls += 1;
    const cost =
      this.#measured.costs[seen.length === 0 ? "observe, nothing moved" : "observe, one branch moved"];
    yield* this.#list();
    if (seen.length > 0) yield* this.#fetch();
    yield* this.workers.use(cost.nodeMs + cost.gitMs);
    yield* this.#inDatabase(cost);
    if (seen.length > 0) repository.changedAt = this.clock.now;
    for (const change of seen) this.#want(repository, change);
    repository.observing = false;
    if (repository.hints > hints) this.#makeDue(repository);
    else this.#planPoll(repository);
  }

  #planPoll(repository: Repository, part = 1): void {
    const plan = ++repository.poll;
    const idleMs = this.clock.now - repository.changedAt;
    const wait = nextPollMs({ idleMs, failures: 0 }, pollBounds, this.#random());
    this.clock.after(wait * part, () => {
      if (repository.poll === plan) this.#makeDue(repository);
    });
  }

  *#list(): Process {
    const { "list refs, the git server's part": listing } = this.#measured.costs;
    yield* this.git.use(this.#deployment.assumptions.gitListMs + listing.gitMs);
  }

  *#fetch(): Process {
    this.counts.fetches += 1;
    yield* this.git.use(this.#deployment.assumptions.gitFetchMs);
  }

  #want(repository: Repository, change: Change): void {
    const branch = repository.branches.get(change.branch) ?? { wanted: [], building: false };
    repository.branches.set(change.branch, branch);
    branch.wanted.push(change);
    if (branch.wanted.length === 1 && !branch.building) this.clock.start(this.#build(branch));
  }

  *#build(branch: Branch): Process {
    const { costs } = this.#measured;
    const build = costs["build a commit of one file"];
    branch.building = true;
    this.#repositoriesWaiting += 1;
    yield* this.builders.acquire();
    yield* this.#inDatabase(this.#claim());
    this.#repositoriesWaiting -= 1;
    const built = branch.wanted;
    branch.wanted = [];
    const { workerMachines: machines, affinity } = this.#deployment;
    if (!affinity && this.#random() > 1 / machines) {
      yield* this.#fetch();
      yield* this.workers.use(costs["observe, one branch moved"].gitMs);
    }
    yield* this.workers.use(build.nodeMs + build.gitMs);
    yield* this.#inDatabase(build);
    yield* this.workers.use(costs.publish.nodeMs);
    yield* this.#inDatabase(costs.publish);
    yield* this.#notify();
    this.builders.release();
    this.counts.builds += 1;
    for (const change of built) {
      (change.announced ? this.latencies : this.lateLatencies).push(this.clock.now - change.at);
    }
    this.clock.start(this.#consume());
    branch.building = false;
    if (branch.wanted.length > 0) yield* this.#build(branch);
  }

  /** Dearer the more repositories have work, in proportion between the two that were weighed, and no further. */
  #claim(): StepCost {
    const { costs, claimed } = this.#measured;
    const [few, many] = [costs["claim one of few"], costs["claim one of many"]];
    const part = (this.#repositoriesWaiting - claimed.few) / (claimed.many - claimed.few);
    const postgresMs = few.postgresMs + Math.min(1, Math.max(0, part)) * (many.postgresMs - few.postgresMs);
    return { ...few, postgresMs: Math.max(0.1, postgresMs) };
  }

  *#consume(): Process {
    const { "consume an event": consume } = this.#measured.costs;
    const { brokerMessagesPerSecond } = this.#deployment.assumptions;
    yield* this.#inDatabase(consume);
    yield* this.broker.use(1_000 / brokerMessagesPerSecond);
  }

  /** Each worker listens once. */
  *#notify(): Process {
    const { workerMachines, processes, assumptions } = this.#deployment;
    const ms = workerMachines * processes * assumptions.notificationMs;
    this.notifiedMs += ms;
    yield* this.database.use(ms);
  }

  *#inDatabase({ postgresMs, roundTrips, commits, walBytes }: StepCost): Process {
    yield* this.clock.pass(roundTrips * this.#deployment.assumptions.databaseRoundTripMs);
    yield* this.database.use(postgresMs);
    const whole = Math.round(commits);
    for (let n = 0; n < whole; n += 1) yield* this.log.commit(walBytes / whole);
  }
}
