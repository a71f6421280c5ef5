import type { Repository, Workspace, World } from "../corpus/world.ts";
import type { CanvasDocument, CanvasNode, Panel } from "./canvas-document.ts";

/** The files of every canvas of the world, by path: what its first editors would have committed. */
export function canvasFiles({ workspaces, repositories }: World): Map<string, string> {
  const overviews = workspaces.map((workspace) => {
    const own = repositories.filter((repository) => repository.workspace.id === workspace.id);
    return [pathOf(workspace.slug), writeCanvas(overviewOf(workspace, own))] as const;
  });
  const boards = repositories.map(
    (repository) => [pathOf(repository.fullName), writeCanvas(boardOf(repository))] as const,
  );
  return new Map([...overviews, ...boards]);
}

export function pathOf(slug: string, file = "canvas.yaml"): string {
  return `canvases/${slug}/${file}`;
}

/** A card for each repository in rows of four, under what is going on in all of them. */
export function overviewOf({ name, slug }: Workspace, repositories: readonly Repository[]): CanvasDocument {
  const top = node("runs", {
    kind: "runs",
    title: "Latest runs",
    column: 0,
    row: 0,
    source: { workspace: slug },
  });
  const cards = repositories.map(({ fullName }, index) =>
    node(fullName, {
      kind: "repository",
      title: fullName,
      column: index % 4,
      row: 1 + Math.floor(index / 4),
      source: { repository: fullName },
    }),
  );
  return {
    title: `${name} overview`,
    nodes: [top, ...cards],
    edges: cards.map(({ key }) => ({ source: top.key, target: key })),
  };
}

/** The repository in the middle, its workflows on the right, its days and its words below. */
export function boardOf({ fullName, workflows }: Repository): CanvasDocument {
  const source = { repository: fullName };
  const names = [...new Set(workflows.map(({ name }) => name))].sort((a, b) => (a < b ? -1 : 1));
  const around = [
    ...names.map((workflow, index) =>
      node(`workflow-${index + 1}`, {
        kind: "workflow",
        title: workflow,
        column: 1 + index,
        row: 0,
        source: { ...source, workflow },
      }),
    ),
    node("activity", { kind: "activity", title: "The last two weeks", column: 0, row: 1, source }),
    node("bugs", {
      kind: "search",
      title: "Said about fixes",
      column: 1,
      row: 1,
      source: { ...source, text: "fix" },
    }),
  ];
  return {
    title: fullName,
    nodes: [
      node("repository", { kind: "repository", title: fullName, column: 0, row: 0, source }),
      ...around,
      node("note", { kind: "note", title: "Arrange this canvas as you like", column: 2, row: 1 }),
    ],
    edges: around.map(({ key }) => ({ source: "repository", target: key })),
  };
}

type WithoutKey<Node> = Node extends unknown ? Omit<Node, "key"> : never;

function node(key: string, rest: WithoutKey<CanvasNode>): CanvasNode {
  return { key, ...rest };
}

/** A line for each card and each line between cards, so that a change of one is a change of one line. */
export function writeCanvas({ title, nodes, edges }: CanvasDocument): string {
  const lines = [
    `title: ${text(title)}`,
    "nodes:",
    ...nodes.map((each) => `  - ${flow(each)}`),
    ...(edges.length === 0 ? [] : ["edges:", ...edges.map((edge) => `  - ${flow(edge)}`)]),
  ];
  return `${lines.join("\n")}\n`;
}

export function writeConsole(panels: readonly Panel[]): string {
  return `panels:\n${panels.map((panel) => `  - ${flow(panel)}\n`).join("")}`;
}

function flow(value: object): string {
  const members = Object.entries(value).map(
    ([key, item]) =>
      `${key}: ${typeof item === "object" && item !== null ? flow(item as object) : text(item)}`,
  );
  return `{ ${members.join(", ")} }`;
}

/** JSON's quotes are YAML's; a plain word that YAML reads as nothing else needs none. */
function text(value: unknown): string {
  const plain =
    typeof value === "string" &&
    /^[A-Za-z][\w/.-]*$/.test(value) &&
    !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(value);
  return plain ? value : JSON.stringify(value);
}
