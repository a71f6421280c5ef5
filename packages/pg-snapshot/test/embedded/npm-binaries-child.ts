import { npmBinaries } from "../../src/embedded/npm-binaries.ts";

process.stdout.write((await npmBinaries([process.cwd()])) ?? "");
