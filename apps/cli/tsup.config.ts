import { library } from "../../tsup.base.ts";

export default library({
  entry: ["src/index.ts", "src/main.ts", "src/config/config-thread.ts"],
  // Nobody imports the program.
  dts: { entry: "src/index.ts" },
});
