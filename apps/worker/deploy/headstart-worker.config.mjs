// An example: one repository of Markdown pages, with webhooks of GitHub and a page that allows actions.
// Keep it beside the node_modules that has what it imports; no secret is in it.
import { defineProjector } from "@headstart/materializer";
import { defineWorker } from "@headstart/worker";
import { z } from "zod";

const pages = defineProjector({
  name: "pages",
  revision: "1",
  kinds: { page: { match: "pages/**/*.md", format: "markdown", schema: z.object({ title: z.string() }) } },
  assemble: (_, files) => ({
    rows: files.map(({ path, document }) => ({ collection: "page", key: path, data: document.frontMatter })),
  }),
});

export default defineWorker({
  database: { env: "DATABASE_URL" },
  projectors: [pages],
  repositories: [
    {
      name: "handbook",
      url: "https://github.com/example/handbook.git",
      projector: "pages",
      credential: { username: "x-access-token", password: { env: "GIT_TOKEN" } },
    },
  ],
  mirrors: { directory: "/var/lib/headstart-worker/mirrors", protocols: ["https"], hosts: ["github.com"] },
  http: { token: { env: "STATUS_PAGE_TOKEN" } },
  webhooks: {
    sources: { "our-github": { forge: "github", secrets: [{ env: "GITHUB_WEBHOOK_SECRET" }] } },
  },
});
