import { createRandom } from "./random.ts";

export interface Workspace {
  readonly id: number;
  readonly slug: string;
  readonly name: string;
}

export interface Repository {
  readonly id: number;
  readonly workspace: Workspace;
  readonly name: string;
  readonly fullName: string;
  readonly language: string;
  /** Workflow and job names of its continuous integration. */
  readonly workflows: readonly Workflow[];
  /** How much happens, as a percentage of the usual. */
  readonly pace: number;
}

export interface Workflow {
  readonly name: string;
  readonly jobs: readonly string[];
}

export interface Actor {
  readonly id: number;
  readonly login: string;
}

/** Who and what the story is about; the same in every build. */
export interface World {
  readonly workspaces: readonly Workspace[];
  readonly repositories: readonly Repository[];
  readonly actors: readonly Actor[];
}

const workspaceNames = ["Harbor", "Lantern", "Meadow", "Orchard", "Quarry", "Tidewater"];
const products = ["atlas", "beacon", "compass", "ferry", "ledger", "mosaic", "pilot", "relay"];
const kinds = ["api", "web", "worker", "cli"];
const languages = ["TypeScript", "Go", "Rust", "Python", "Ruby"];
const givenNames =
  "ada bela chidi dora emil farah goro hana ines jonas kaja lev mira nuno olga paulo quinn rosa sami tova".split(
    " ",
  );
const familyNames = ["berg", "castro", "okoye"];

const continuousIntegration: readonly Workflow[] = [
  { name: "CI", jobs: ["lint", "test (20)", "test (22)", "build"] },
  { name: "CI", jobs: ["check", "unit", "integration"] },
  { name: "CI", jobs: ["verify"] },
];
const others: readonly Workflow[] = [
  { name: "CodeQL", jobs: ["analyze"] },
  { name: "Preview", jobs: ["deploy-preview"] },
  { name: "Docs", jobs: ["publish"] },
];

export function createWorld(): World {
  const random = createRandom("world");
  const workspaces = workspaceNames.map((name, index) => ({ id: index + 1, slug: name.toLowerCase(), name }));
  const actors = familyNames.flatMap((family, f) =>
    givenNames.map((given, g) => ({ id: 1000 + f * givenNames.length + g, login: `${given}-${family}` })),
  );
  const repositories = workspaces.flatMap((workspace, w) =>
    products.map((product, p) => {
      const name = `${product}-${random.pick(kinds)}`;
      return {
        id: 100 + w * products.length + p,
        workspace,
        name,
        fullName: `${workspace.slug}/${name}`,
        language: random.pick(languages),
        workflows: [random.pick(continuousIntegration), random.pick(others)],
        pace: random.between(40, 160),
      };
    }),
  );
  return { workspaces, repositories, actors };
}
