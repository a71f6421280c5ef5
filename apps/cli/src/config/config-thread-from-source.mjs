// Node 20 cannot load TypeScript by itself, and a thread does not get the loader of its process. This file is
// what runs `config-thread.ts` unbuilt; the package that is published does without it.
import { register } from "tsx/esm/api";

register();
await import("./config-thread.ts");
