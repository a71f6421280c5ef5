import { statSync } from "node:fs";
import { chooseTargets, type ConfiguredTarget } from "../config/choose-targets.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { rootInput } from "../target/target-key.ts";
import type { Check } from "./check.ts";

/** Whether the inputs of each target are there. What they hold is left to be read by those who need it. */
export function checkInputs(loaded: LoadedConfig): Check[] {
  return chooseTargets(loaded, []).map(checkTargetInputs);
}

function checkTargetInputs({ name, target, directory }: ConfiguredTarget): Check {
  const roots = Object.entries(target.inputs).map(([key, input]) => [key, rootInput(directory, input).path]);
  const absent = roots.filter(([, path]) => !statSync(path ?? "", { throwIfNoEntry: false }));
  const check = `inputs of ${name}`;
  if (absent.length === 0) {
    return { name: check, verdict: "ok", detail: roots.map(([key]) => key).join(", ") };
  }
  const paths = absent.map(([key, path]) => `${key} ("${path}")`).join(", ");
  return {
    name: check,
    verdict: "fail",
    detail: `not there: ${paths}`,
    fix: `correct targets.${name}.inputs; paths are relative to the configuration file`,
    code: "ROOT_MISSING",
  };
}
