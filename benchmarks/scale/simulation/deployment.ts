/** What is deployed, and what is assumed of it. Times are milliseconds. */
export interface Deployment {
  /** Databases, each with its own repositories and workers. */
  readonly shards: number;
  readonly branches: number;
  readonly repositories: number;
  /** Processors of each database server. */
  readonly databaseProcessors: number;
  /** Machines of workers of each shard, and processors of each. */
  readonly workerMachines: number;
  readonly machineProcessors: number;
  /** Workers on each machine, and what each looks at and builds at a time. */
  readonly processes: number;
  readonly observers: number;
  readonly builders: number;
  /** Whether a branch is built on the machine that has just fetched its repository. */
  readonly affinity: boolean;
  readonly assumptions: Assumptions;
}

/** What was not measured: the network, the disk and the services around. */
export interface Assumptions {
  /** A round trip between a worker and its database. */
  readonly databaseRoundTripMs: number;
  /** Until the database's disk has what was written to the log, and how much of it a second. */
  readonly flushMs: number;
  readonly logBytesPerSecond: number;
  /** A git request spends this on the network, besides its work: connection, TLS, and the protocol's rounds. */
  readonly gitListMs: number;
  readonly gitFetchMs: number;
  /** Requests that the git service works on at a time, for all repositories. */
  readonly gitConcurrency: number;
  /** Messages a second of a replicated queue, each published and acknowledged. */
  readonly brokerMessagesPerSecond: number;
  /** Processor time of a worker for receiving a webhook: its signature and JSON. */
  readonly webhookMs: number;
  /** Share of pushes whose webhook never comes. */
  readonly lostWebhooks: number;
  /** Share of arrivals that are bursts of `burst` pushes to one repository, as of a robot. */
  readonly bursts: number;
  readonly burst: number;
  /** How unevenly pushes are spread over repositories: the exponent of Zipf's law. */
  readonly skew: number;
  /** Server time for each notification and listening connection, measured apart: docs/scale.md. */
  readonly notificationMs: number;
}

const assumptions: Assumptions = {
  databaseRoundTripMs: 0.3,
  flushMs: 1,
  logBytesPerSecond: 400e6,
  gitListMs: 40,
  gitFetchMs: 80,
  gitConcurrency: 256,
  brokerMessagesPerSecond: 10_000,
  webhookMs: 1,
  lostWebhooks: 0.001,
  bursts: 0.01,
  burst: 20,
  skew: 0.8,
  notificationMs: 0.025,
};

/** Connections of a worker beside one for each build: README of @headstart/worker. */
const CONNECTIONS_BESIDE = 13;

/** Connections that each database has to allow. */
export function connections({ workerMachines, processes, builders }: Deployment): number {
  return workerMachines * processes * (builders + CONNECTIONS_BESIDE);
}

/** One database and a few machines, with a million branches. */
export const oneDatabase: Deployment = {
  shards: 1,
  branches: 1_000_000,
  repositories: 10_000,
  databaseProcessors: 16,
  workerMachines: 4,
  machineProcessors: 8,
  processes: 4,
  observers: 4,
  builders: 4,
  affinity: false,
  assumptions,
};
