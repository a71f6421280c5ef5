import { randomUUID } from "node:crypto";
import { link, mkdir, readdir, rename, rm, unlink } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { GitError, aborted, throwIfAborted } from "./git-error.ts";

/** The longest address of a socket that every system takes. */
const longestAddress = 100;

/** Addresses of those who hold or wait, and of the dead. */
const address = /^[0-9a-f]{8}(\.dead)?$/;

/**
 * Waits until this process alone, of this machine, holds the lock, and holds it until disposal. `directory` is the
 * lock's own: there is nothing else in it.
 *
 * The lock is a socket somebody listens at, so it ends with its holder, however that ends, and whoever waits is
 * woken by the connection's end. Git's own locks guard the data itself; this one keeps fetches from disturbing each
 * other. It is therefore no harm that two may hold it in one rare case: two that find the same dead holder at once.
 *
 * @throws GitError `Aborted`
 */
export async function holdFetchLock(directory: string, signal?: AbortSignal): Promise<AsyncDisposable> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, "held");
  const mine = join(directory, randomUUID().slice(0, 8));
  if (Buffer.byteLength(mine) > longestAddress) {
    throw new GitError(
      "Refused",
      `The folder of the mirrors has too long a path for a socket: ${directory}`,
      {
        hint: `Choose a \`root\` that is shorter by ${Buffer.byteLength(mine) - longestAddress} bytes.`,
      },
    );
  }
  throwIfAborted(signal);
  const waiters = new Set<Socket>();
  const server = await listen(mine, waiters);
  const release = async (): Promise<void> => {
    for (const waiter of waiters) waiter.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  try {
    // Listening first and linking then: an address in place that refuses connections is a dead one.
    while (!(await linked(mine, path))) {
      throwIfAborted(signal);
      if (!(await waitForHolder(path, signal))) await clearDead(directory, path);
    }
  } catch (error) {
    await release();
    throw error;
  }
  return {
    [Symbol.asyncDispose]: async () => {
      await unlink(path).catch(() => undefined);
      await release();
    },
  };
}

async function listen(path: string, waiters: Set<Socket>): Promise<Server> {
  const server = createServer((socket) => {
    waiters.add(socket);
    socket.on("error", () => undefined).on("close", () => waiters.delete(socket));
    socket.unref();
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(path, resolve);
  });
  return server.unref();
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Waits for the end of whoever listens at `path`. @returns false when nobody does */
async function waitForHolder(path: string, signal: AbortSignal | undefined): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    let met = false;
    const socket = connect(path, () => (met = true));
    const abort = (): void => void socket.destroy(aborted(signal));
    signal?.addEventListener("abort", abort, { once: true });
    let failure: Error | undefined;
    socket.on("error", (error) => (failure = error));
    socket.on("close", () => {
      signal?.removeEventListener("abort", abort);
      if (failure instanceof GitError) reject(failure);
      else resolve(met);
    });
    socket.resume();
  });
}

/** Takes the address of a dead holder away, and what else dead ones left. Moved first, so that it is looked at again. */
async function clearDead(directory: string, path: string): Promise<void> {
  const aside = join(directory, `${randomUUID().slice(0, 8)}.dead`);
  const moved = await rename(path, aside).then(
    () => true,
    () => false,
  );
  if (!moved) return;
  if (await isAlive(aside)) {
    await link(aside, path).catch(() => undefined);
  }
  for (const name of await readdir(directory)) {
    const left = join(directory, name);
    if (address.test(name) && !(await isAlive(left))) await rm(left, { force: true });
  }
}

async function isAlive(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
