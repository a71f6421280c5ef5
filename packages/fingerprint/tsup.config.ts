import { library } from "../../tsup.base.ts";

export default library({
  entry: ["src/index.ts", "src/hash-worker.ts"],
  splitting: true,
  dts: { entry: "src/index.ts" },
});
