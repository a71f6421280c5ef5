import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { promisify } from "node:util";
import { test } from "vitest";
import { findProgram } from "./requires.ts";

const run = promisify(execFile);

/**
 * Machines with network cards and addresses of their own, on one switch: this one, where the database and git are, and
 * others that processes can be run on. They are network namespaces, connected by a bridge.
 */
export interface Network extends AsyncDisposable {
  /** This machine's, seen from the others. */
  readonly address: string;
  readonly hosts: readonly Host[];
}

export interface Host {
  readonly name: string;
  readonly address: string;
  /** Put before a command, it runs there. The process keeps its id. */
  readonly through: readonly string[];
  /** Pulls the cable: packets are lost without a word to either side. */
  cut(): Promise<void>;
  heal(): Promise<void>;
}

/** @throws Error when this process may not make namespaces */
export async function openNetwork(count: number): Promise<Network> {
  const id = randomBytes(3).toString("hex");
  // 198.18.0.0/15 is set aside for trials of networks (RFC 2544).
  const subnet = `198.${18 + (randomBytes(1)[0]! % 2)}.${randomBytes(1)[0]}`;
  const bridge = `hs${id}`;
  const names = Array.from({ length: count }, (_, index) => `hs${id}-${index}`);
  const remove = async (): Promise<void> => {
    for (const name of names) await ip("netns", "delete", name).catch(() => undefined);
    await ip("link", "delete", bridge).catch(() => undefined);
  };
  try {
    await ip("link", "add", bridge, "type", "bridge");
    await ip("address", "add", `${subnet}.1/24`, "dev", bridge);
    await ip("link", "set", bridge, "up");
    const hosts: Host[] = [];
    for (const [index, name] of names.entries()) hosts.push(await addHost(name, { bridge, subnet, index }));
    return { address: `${subnet}.1`, hosts, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function addHost(
  name: string,
  { bridge, subnet, index }: { bridge: string; subnet: string; index: number },
): Promise<Host> {
  const [cable, card] = [`${bridge}c${index}`, "eth0"];
  const address = `${subnet}.${index + 2}`;
  const through = ["ip", "netns", "exec", name];
  await ip("netns", "add", name);
  await ip("link", "add", cable, "type", "veth", "peer", "name", card, "netns", name);
  await ip("link", "set", cable, "master", bridge, "up");
  await ip("-netns", name, "address", "add", `${address}/24`, "dev", card);
  await ip("-netns", name, "link", "set", card, "up");
  await ip("-netns", name, "link", "set", "lo", "up");
  return {
    name,
    address,
    through,
    cut: async () => await ip("link", "set", cable, "down"),
    heal: async () => await ip("link", "set", cable, "up"),
  };
}

async function ip(...args: string[]): Promise<void> {
  await run("ip", args);
}

/** `test`, where hosts can be made; elsewhere it is skipped and says why, or fails with HEADSTART_NO_SKIPS=1. */
export async function requiresNetwork(): Promise<typeof test> {
  const reason = await whyNoNetwork();
  if (reason === undefined) return test;
  const missing = (name: string): void => {
    if (process.env["HEADSTART_NO_SKIPS"] === "1") {
      test(name, () => {
        throw new Error(`${reason}. HEADSTART_NO_SKIPS=1 lets nothing be skipped.`);
      });
    } else test(name, ({ skip }) => skip(reason));
  };
  return missing as typeof test;
}

/** @returns what keeps this process from making hosts, or undefined when it can */
export async function whyNoNetwork(): Promise<string | undefined> {
  if (findProgram("ip") === undefined) return "ip is not installed: apt install iproute2";
  try {
    await (await openNetwork(1))[Symbol.asyncDispose]();
    return undefined;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() ?? String(error);
    return `network namespaces cannot be made here, which takes root: ${said}`;
  }
}
