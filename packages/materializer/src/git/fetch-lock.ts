import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { aborted, GitError, throwIfAborted } from "./git-error.ts";
import { socketFolder } from "./socket-folder.ts";

/** Bytes of the longest name of a socket here: a ticket's. */
const nameBytes = "t-0000000001-00000000".length;

/**
 * Waits until this process alone, of this machine, holds the lock, and holds it until disposal. `directory` is the
 * lock's own: there is nothing else in it. Whoever came first is served first.
 *
 * Everybody listens at a socket of his own, so whoever dies is known to be dead at once, and whoever waits is woken by
 * the end of a connection. The order is that of Lamport's bakery: draw a number above all that are there, then wait for
 * those below. A socket whose name begins with `c` is being given a number, one that begins with `t` has it in its
 * name. No name is ever used twice, so clearing up after the dead cannot hit the living, which it can with a single
 * file that is taken over.
 *
 * @throws GitError `Aborted`; `Refused` when the path is too long for a socket, and that of temporary files as well
 */
export async function holdFetchLock(directory: string, signal?: AbortSignal): Promise<AsyncDisposable> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await using short = await socketFolder(directory, nameBytes);
  for (;;) {
    throwIfAborted(signal);
    const ticket = await draw(directory, short.path);
    if (ticket === undefined) continue;
    try {
      await waitForTurn(short.path, ticket, signal);
      return { [Symbol.asyncDispose]: ticket.giveBack };
    } catch (error) {
      await ticket.giveBack();
      throw error;
    }
  }
}

interface Ticket {
  /** Of the socket; tickets are served in the order of their names. */
  readonly name: string;
  readonly giveBack: () => Promise<void>;
}

/**
 * @param short what sockets are addressed by
 * @returns undefined when somebody cleared our socket away in the moment before it listened
 */
async function draw(directory: string, short: string): Promise<Ticket | undefined> {
  const id = randomUUID().slice(0, 8);
  const choosing = `c-${id}`;
  const waiters = new Set<Socket>();
  let name: string | undefined;
  const server = await listen(join(short, choosing), (socket) => {
    waiters.add(socket);
    socket.on("error", () => undefined).on("close", () => waiters.delete(socket));
    if (name !== undefined) socket.write(name);
  });
  const taken = (await readdir(directory)).map((other) => Number(/^t-(\d+)-/.exec(other)?.[1] ?? 0));
  const drawn = `t-${String(Math.max(0, ...taken) + 1).padStart(10, "0")}-${id}`;
  const giveBack = async (): Promise<void> => {
    await rm(join(directory, drawn), { force: true });
    for (const waiter of waiters) waiter.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  try {
    await rename(join(directory, choosing), join(directory, drawn));
  } catch (error) {
    await giveBack();
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  name = drawn;
  for (const waiter of waiters) waiter.write(name);
  return { name, giveBack };
}

async function listen(path: string, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => onSocket(socket.unref()));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(path, resolve);
  });
  return server.unref();
}

async function waitForTurn(
  directory: string,
  { name }: Ticket,
  signal: AbortSignal | undefined,
): Promise<void> {
  // A folder that is read while a name in it changes may show neither name: nobody changes his twice.
  for (let free = 0; free < 2;) {
    const others = (await readdir(directory)).filter((other) => other !== name);
    const choosing = others.find((other) => other.startsWith("c-"));
    const before = others
      .filter((other) => other.startsWith("t-") && other < name)
      .sort()
      .at(-1);
    const next = choosing ?? before;
    free = next === undefined ? free + 1 : 0;
    if (next !== undefined) await outlast(join(directory, next), name, signal);
  }
}

/** Waits until whoever listens there has a ticket after ours, gives it back, or is dead; the dead are cleared away. */
async function outlast(path: string, name: string, signal: AbortSignal | undefined): Promise<void> {
  throwIfAborted(signal);
  const failure = await new Promise<Error | undefined>((resolve) => {
    let error: Error | undefined;
    const socket = connect(path);
    const abort = (): void => void socket.destroy(aborted(signal));
    signal?.addEventListener("abort", abort, { once: true });
    socket.setEncoding("utf8");
    socket.on("data", (theirs: string) => {
      if (theirs > name) socket.destroy();
    });
    socket.on("error", (reason) => (error = reason));
    socket.on("close", () => {
      signal?.removeEventListener("abort", abort);
      resolve(error);
    });
  });
  if (failure instanceof GitError) throw failure;
  if (failure !== undefined && "code" in failure && failure.code === "ECONNREFUSED")
    await rm(path, { force: true });
}
