import { defineProjector } from "@headstart/materializer";
import { defineWorker, type WorkerConfigInput } from "@headstart/worker";
import { z } from "zod";

/** One row a page, and one unit, so that a commit of one page costs one. */
export const pages = defineProjector({
  name: "pages",
  revision: "1",
  kinds: { page: { match: "pages/**/*.json", format: "json", schema: z.object({ title: z.string() }) } },
  unit: (path) => path,
  assemble: (_, files) => ({
    rows: files.map(({ path, document }) => ({ collection: "page", key: path, data: document })),
  }),
});

/** What differs between deployments comes by the environment. */
export default defineWorker({
  projectors: [pages],
  ...(JSON.parse(process.env["DEPLOYED_CONFIG"] ?? "{}") as Omit<WorkerConfigInput, "projectors">),
});
