import { defineProjector } from "@headstart/materializer";
import { z } from "zod";

/** JSON files of about a kilobyte, one unit each: what a commit changes is all that has to be built. */
export const pages = defineProjector({
  name: "pages",
  revision: "1",
  kinds: {
    page: {
      match: "pages/**/*.json",
      format: "json",
      schema: z.object({ title: z.string(), text: z.string() }),
    },
  },
  unit: (path) => path,
  assemble: (_, files) => ({
    rows: files.map(({ path, document }) => ({ collection: "page", key: path, data: document })),
  }),
});
