import { defineWorker } from "@headstart/worker";
import { canvasProjector } from "../content/canvas-projector.ts";

const { CONTENT_URL, MIRRORS } = process.env;
if (CONTENT_URL === undefined || MIRRORS === undefined) {
  throw new Error("CONTENT_URL names the repository of canvases, MIRRORS the folder for copies of it.");
}

export default defineWorker({
  projectors: [canvasProjector],
  repositories: [{ name: "content", url: CONTENT_URL, projector: canvasProjector.name }],
  mirrors: { directory: MIRRORS, protocols: ["file", "https", "ssh"] },
  // A second, since nobody sends webhooks from a folder.
  observe: { pollMinMs: 1_000, pollMaxMs: 1_000 },
  // No load balancer has to notice that it ends.
  http: { lingerMs: 0 },
});
