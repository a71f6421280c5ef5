import type { SpawnOptions } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type ChildEvent, type FollowedChild, spawnChild } from "../fixtures/follow-child.ts";
import type { ServerChildRequest } from "./server-child.ts";

interface ServerEvent extends ChildEvent {
  readonly event: "progress" | "started" | "left" | "failed" | "ended";
  readonly url?: string;
}

const script = fileURLToPath(new URL("./server-child.ts", import.meta.url));

/** A real process that starts or joins an embedded server and then waits for "leave", "stop" or "nothing". */
export function spawnServer(
  request: ServerChildRequest,
  options: SpawnOptions = {},
): FollowedChild<ServerEvent> {
  return spawnChild<ServerEvent>(script, request, options);
}
