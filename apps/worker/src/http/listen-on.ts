import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { WorkerError } from "../worker-error.ts";

/**
 * @returns the address that it listens on: `http://127.0.0.1:8080`
 * @throws WorkerError `ADDRESS_UNAVAILABLE`
 */
export async function listenOn(
  server: Server,
  { host, port }: { host: string; port: number },
): Promise<string> {
  try {
    server.listen(port, host);
    await once(server, "listening");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown";
    throw new WorkerError("ADDRESS_UNAVAILABLE", `Nobody can listen on ${host}:${port}: ${code}.`, {
      hint: "Choose another http.port or http.host (HEADSTART_WORKER_PORT, HEADSTART_WORKER_HOST), or end what has it.",
      cause,
    });
  }
  const { address, family, port: taken } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${taken}`;
}
