import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type ChannelModel } from "amqplib";
import { execa } from "execa";
import { findProgram } from "./requires.ts";

/** A RabbitMQ node of the test's own: name, ports, data and name service are nobody else's. */
export interface Broker extends AsyncDisposable {
  readonly url: string;
  readonly password: string;
  /** What the node said. */
  readonly output: () => string;
  /** Starts it again with what it had stored. */
  start(): Promise<void>;
  /** In peace, or by `SIGKILL`. */
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Runs `rabbitmqctl`; returns what it printed. */
  control(...args: string[]): Promise<string>;
  connect(): Promise<ChannelModel>;
}

/** @param host the address it listens on */
export async function startBroker({ host = "127.0.0.1" }: { host?: string } = {}): Promise<Broker> {
  const server = findProgram("rabbitmq-server") ?? "";
  const folder = await mkdtemp(join(tmpdir(), "headstart-rabbitmq-"));
  const [port, distribution, names] = await freePorts();
  const password = `broker-password-${randomBytes(6).toString("hex")}`;
  const environment = await prepare(folder, { host, port, distribution, names, password });
  let child: ChildProcess | undefined;
  let output = "";
  const url = `amqp://headstart:${password}@${host}:${port}`;
  const start = async (): Promise<void> => {
    // In a group of its own: the program is a script around the virtual machine.
    child = spawn(server, { env: environment, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    const exited = once(child, "exit");
    const from = output.length;
    await new Promise<void>((resolve, reject) => {
      const hear = (bytes: Buffer): void => {
        output += String(bytes);
        if (output.includes("Server startup complete", from)) resolve();
      };
      child?.stdout?.on("data", hear);
      child?.stderr?.on("data", hear);
      exited.then(
        ([code]) =>
          reject(
            new Error(`rabbitmq-server ended with ${String(code)} at its start:\n${output.slice(from)}`),
          ),
        reject,
      );
    });
  };
  const stop = async (signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> => {
    const running = child;
    child = undefined;
    if (running?.pid === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const exited = once(running, "close");
    process.kill(signal === "SIGKILL" ? -running.pid : running.pid, signal);
    await exited;
  };
  await start();
  return {
    url,
    password,
    output: () => output,
    start,
    stop,
    control: async (...args) => {
      const { stdout } = await execa(findProgram("rabbitmqctl") ?? "", ["--quiet", ...args], {
        env: environment,
        extendEnv: false,
      });
      return stdout;
    },
    connect: async () => {
      const connection = await connect(url);
      connection.on("error", () => undefined);
      return connection;
    },
    [Symbol.asyncDispose]: async () => {
      await stop();
      // The name service was started by this node on a port of its own, so nobody else uses it.
      await execa("epmd", ["-kill"], { env: environment, extendEnv: false, reject: false });
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function prepare(
  folder: string,
  {
    host,
    port,
    distribution,
    names,
    password,
  }: { host: string; port: number; distribution: number; names: number; password: string },
): Promise<Record<string, string>> {
  const home = join(folder, "home");
  const config = join(folder, "rabbitmq.conf");
  const plugins = join(folder, "enabled_plugins");
  const variables = join(folder, "environment.conf");
  await mkdir(home);
  await writeFile(
    config,
    `listeners.tcp.1 = ${host}:${port}\ndefault_user = headstart\ndefault_pass = ${password}\nlog.console.level = info\n`,
  );
  await writeFile(plugins, "[].\n");
  await writeFile(variables, "");
  return {
    PATH: process.env["PATH"] ?? "",
    LANG: "C.UTF-8",
    HOME: home,
    ERL_EPMD_PORT: String(names),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `headstart-${randomBytes(4).toString("hex")}@localhost`,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_CONFIG_FILE: config,
    RABBITMQ_CONF_ENV_FILE: variables,
    RABBITMQ_ENABLED_PLUGINS_FILE: plugins,
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "+S 1:1 +sbwt none",
  };
}

/** Three ports that are free now; they are held together, so that they differ. */
async function freePorts(): Promise<[number, number, number]> {
  const servers = await Promise.all(
    [0, 1, 2].map(async () => {
      const server = createServer();
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map(async (server) => await new Promise((resolve) => server.close(resolve))));
  return ports as [number, number, number];
}
