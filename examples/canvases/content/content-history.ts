import type { Actor, Repository, Workspace, World } from "../corpus/world.ts";
import { boardOf, canvasFiles, overviewOf, pathOf, writeCanvas, writeConsole } from "./write-canvas.ts";

/** One commit, pushed at once. */
export interface Commit {
  readonly branch: string;
  readonly author: Actor;
  readonly subject: string;
  /** Where the branch begins, or begins again: another branch, or `branch~n`. Default: where the branch is. */
  readonly from?: string;
  /** A push that does not follow from the last one has to be forced. */
  readonly force?: boolean;
  readonly write?: ReadonlyMap<string, string>;
  readonly rename?: readonly (readonly [from: string, to: string])[];
  readonly remove?: readonly string[];
}

export interface Deletion {
  readonly branch: string;
  readonly author: Actor;
  readonly deleted: true;
}

export type Step = Commit | Deletion;

export const drafts = {
  tidy: "drafts/tidy-harbor",
  broken: "drafts/broken-lantern",
  repaired: "drafts/repaired-meadow",
  rewritten: "drafts/rewritten-orchard",
  abandoned: "drafts/abandoned-quarry",
  consoles: "drafts/consoles-for-all",
} as const;

/** What happened to the content, push by push. Pure: the same world has the same history. */
export function contentHistory(world: World): Step[] {
  const authors = world.actors.slice(0, 6);
  const [ada, bela, chidi, dora, emil, farah] = authors as [Actor, Actor, Actor, Actor, Actor, Actor];
  const [harbor, lantern, meadow, orchard, quarry] = world.workspaces as [
    Workspace,
    Workspace,
    Workspace,
    Workspace,
    Workspace,
  ];
  return [
    ...beginnings(world, ada),
    ...renames(world, { author: bela, workspace: harbor }),
    tidying(world, { author: bela, workspace: harbor }),
    ...mistakes(world, { author: chidi, workspace: lantern }),
    ...repair(world, { author: dora, workspace: meadow }),
    ...rewriting(world, { author: emil, workspace: orchard }),
    ...abandoning(world, { author: farah, workspace: quarry }),
    everyConsole(world, farah),
    {
      branch: "main",
      author: ada,
      subject: "Name the overview of Lantern",
      write: new Map([[pathOf(lantern.slug), titled(overview(world, lantern), "Lantern, at a glance")]]),
    },
    {
      branch: "notes/ideas",
      from: "main",
      author: dora,
      subject: "Think aloud",
      write: new Map([["ideas.md", "# Ideas\n"]]),
    },
  ];
}

interface Part {
  readonly author: Actor;
  readonly workspace: Workspace;
}

/** One canvas begins under the name that its repository had before. */
function beginnings(world: World, author: Actor): Commit[] {
  const consoles = world.workspaces.map(({ slug }) => [pathOf(slug, "console.yaml"), consoleOf()] as const);
  const write = new Map([
    ...canvasFiles(withFormerName(world)),
    ["about", "Boards over what happens in our repositories.\n"],
  ]);
  return [
    { branch: "main", author, subject: "Lay out every canvas", write },
    { branch: "main", author, subject: "Give each workspace a console", write: new Map(consoles) },
  ];
}

function withFormerName(world: World): World {
  const [first, ...others] = world.repositories as [Repository, ...Repository[]];
  return { ...world, repositories: [{ ...first, fullName: `${first.fullName}-next` }, ...others] };
}

/** A canvas moves with its folder, and a file becomes a folder of the same name. */
function renames(world: World, { author, workspace }: Part): Commit[] {
  const [before] = own(withFormerName(world), workspace) as [Repository];
  const [now] = own(world, workspace) as [Repository];
  return [
    {
      branch: "main",
      author,
      subject: `Call ${before.fullName} ${now.fullName}`,
      rename: [[`canvases/${before.fullName}`, `canvases/${now.fullName}`]],
      write: new Map([
        [pathOf(now.fullName), writeCanvas(boardOf(now))],
        [pathOf(workspace.slug), writeCanvas(overview(world, workspace))],
      ]),
    },
    {
      branch: "main",
      author,
      subject: "Make room for more than one page",
      rename: [
        ["about", "about.tmp"],
        ["about.tmp", "about/canvases.md"],
      ],
    },
  ];
}

function tidying(world: World, { author, workspace }: Part): Commit {
  const [, second] = own(world, workspace) as [Repository, Repository];
  const board = boardOf(second);
  const tidy = {
    ...board,
    nodes: board.nodes.filter(({ kind }) => kind !== "note").map((node) => ({ ...node, row: node.row * 2 })),
  };
  return {
    branch: drafts.tidy,
    from: "main",
    author,
    subject: `Spread ${second.fullName} out`,
    write: new Map([[pathOf(second.fullName), writeCanvas(tidy)]]),
  };
}

/** Each file is wrong in another way: it is no YAML, not what the schema says, of no such node, or without its canvas. */
function mistakes(world: World, { author, workspace }: Part): Commit[] {
  const [first, second, third] = own(world, workspace) as [Repository, Repository, Repository];
  const lost = boardOf(third);
  const canvas = writeCanvas({
    ...lost,
    edges: [...lost.edges, { source: "repository", target: "workflow-9" }],
  });
  return [
    {
      branch: drafts.broken,
      from: "main",
      author,
      subject: "Try three things at once",
      write: new Map([
        [pathOf(first.fullName), writeCanvas(boardOf(first)).replace("  - {", "\t- {")],
        [pathOf(second.fullName), writeCanvas(boardOf(second)).replace("row: 1", "row: below")],
        [pathOf(third.fullName), canvas],
      ]),
    },
    {
      branch: drafts.broken,
      author,
      subject: "Forget the canvas of a console",
      remove: [pathOf(workspace.slug)],
    },
  ];
}

function repair(world: World, { author, workspace }: Part): Commit[] {
  const [first] = own(world, workspace) as [Repository];
  const good = writeCanvas(boardOf(first)).replace("Said about fixes", "What was fixed");
  const on = { branch: drafts.repaired, author };
  return [
    {
      ...on,
      from: "main",
      subject: "Rename the search",
      write: new Map([[pathOf(first.fullName), good.replace("title: ", "titel: ")]]),
    },
    { ...on, subject: "Spell title as the schema does", write: new Map([[pathOf(first.fullName), good]]) },
  ];
}

/** The second push takes the first one back. */
function rewriting(world: World, { author, workspace }: Part): Commit[] {
  const on = { branch: drafts.rewritten, author };
  const path = pathOf(workspace.slug);
  return [
    {
      ...on,
      from: "main",
      subject: "Shout",
      write: new Map([[path, titled(overview(world, workspace), "ORCHARD!")]]),
    },
    {
      ...on,
      from: "main",
      force: true,
      subject: "Name the overview of Orchard",
      write: new Map([[path, titled(overview(world, workspace), "Orchard, from above")]]),
    },
  ];
}

function abandoning(world: World, { author, workspace }: Part): Step[] {
  const branch = drafts.abandoned;
  const folders = own(world, workspace).map(({ fullName }) => pathOf(fullName));
  return [
    { branch, from: "main", author, subject: "Do without boards", remove: folders },
    { branch, author, deleted: true },
  ];
}

function everyConsole(world: World, author: Actor): Commit {
  const write = new Map(
    world.repositories
      .filter(({ workspace }) => workspace.id > 1)
      .map(({ fullName }) => [pathOf(fullName, "console.yaml"), boardConsole()] as const),
  );
  return { branch: drafts.consoles, from: "main", author, subject: "Give every board a console", write };
}

function consoleOf(): string {
  return writeConsole([
    { key: "latest", title: "Latest runs", node: "runs", show: "runs", size: "full" },
    { key: "days", title: "Day by day", node: "runs", show: "activity", size: "half" },
  ]);
}

function boardConsole(): string {
  return writeConsole([
    { key: "days", title: "Day by day", node: "activity", show: "activity", size: "half" },
    { key: "fixes", title: "Said about fixes", node: "bugs", show: "search", size: "half" },
  ]);
}

function own(world: World, workspace: Workspace): Repository[] {
  return world.repositories.filter((repository) => repository.workspace.id === workspace.id);
}

function overview(world: World, workspace: Workspace) {
  return overviewOf(workspace, own(world, workspace));
}

function titled(document: ReturnType<typeof overview>, title: string): string {
  return writeCanvas({ ...document, title });
}
