import { library } from "../../tsup.base.ts";

export default library({
  entry: {
    index: "src/index.ts",
    main: "src/main.ts",
    // Loaded as a thread, by its name beside the others.
    "config-thread": "src/config/config-thread.ts",
  },
  // Nobody imports the program.
  dts: { entry: "src/index.ts" },
});
