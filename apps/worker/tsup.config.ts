import { projectorIdentity } from "@headstart/projection-bootstrap";
import { library } from "../../tsup.base.ts";
import { buildPage } from "./build-page.ts";
import { projections } from "./src/status/projections.ts";

/** Bundled code cannot be told apart by file, so the build says what the code of each projection is. */
const identities = Object.fromEntries(
  await Promise.all(
    projections.map(async (projection) => [projection.name, await projectorIdentity(projection)] as const),
  ),
);

export default library({
  entry: { index: "src/index.ts", main: "src/main.ts" },
  define: { HEADSTART_PROJECTION_IDENTITIES: JSON.stringify(identities) },
  // Nobody imports the program.
  dts: { entry: "src/index.ts" },
  onSuccess: async () => await buildPage("dist/page"),
});
