import { defineProjector } from "@headstart/materializer";
import { canvasSchema, consoleSchema, type CanvasDocument, type ConsoleDocument } from "./canvas-document.ts";

interface Found {
  readonly at: readonly (string | number)[];
  readonly code: string;
  readonly message: string;
}

const columnWidth = 320;
const rowHeight = 180;
const gap = 40;

/** Canvases as files: `canvases/<slug>/canvas.yaml`, and beside it, if wanted, a `console.yaml`. */
export const canvasProjector = defineProjector({
  name: "canvases",
  revision: "1",
  kinds: {
    canvas: { match: "canvases/**/canvas.yaml", format: "yaml", schema: canvasSchema },
    console: { match: "canvases/**/console.yaml", format: "yaml", schema: consoleSchema },
  },
  required: ["canvas"],
  assemble(unit, files) {
    const slug = unit.slice("canvases/".length);
    const board = files.find((file) => file.kind === "canvas")!;
    const desk = files.find((file) => file.kind === "console");
    const rows = firstOfEachKey(canvasRows(slug, board.document));
    const issues = checkCanvas(board.document).map((found) => ({ ...found, path: board.path }));
    if (desk === undefined) return { rows, issues };
    const deskIssues = checkConsole(desk.document, board.document).map((found) => ({
      ...found,
      path: desk.path,
    }));
    return {
      rows: [...rows, ...firstOfEachKey(panelRows(slug, desk.document))],
      issues: [...issues, ...deskIssues],
    };
  },
});

/** The columns of `canvas`, `canvas_node` and `canvas_edge`, with the canvas by its slug. */
function canvasRows(slug: string, { title, nodes, edges }: CanvasDocument) {
  return [
    { collection: "canvas", key: slug, data: { slug, title } },
    ...nodes.map(({ column, row, ...node }) => ({
      collection: "node",
      key: `${slug}#${node.key}`,
      data: {
        canvas: slug,
        key: node.key,
        kind: node.kind,
        title: node.title,
        x: column * columnWidth,
        y: row * rowHeight,
        width: columnWidth - gap,
        height: rowHeight - gap,
        source: "source" in node ? node.source : {},
      },
    })),
    ...edges.map(({ source, target }) => ({
      collection: "edge",
      key: `${slug}#${source}>${target}`,
      data: { canvas: slug, source, target },
    })),
  ];
}

function panelRows(slug: string, { panels }: ConsoleDocument) {
  return panels.map((panel, position) => ({
    collection: "panel",
    key: `${slug}#${panel.key}`,
    data: { canvas: slug, position, ...panel },
  }));
}

/** A key that is there twice is told where it is written; its second row would be told again. */
function firstOfEachKey<Row extends { key: string }>(rows: readonly Row[]): Row[] {
  return [...new Map(rows.toReversed().map((row) => [row.key, row])).values()].toReversed();
}

function checkCanvas({ nodes, edges }: CanvasDocument): Found[] {
  const keys = new Set(nodes.map((node) => node.key));
  const ends = edges.flatMap((edge, index) =>
    (["source", "target"] as const).map((end) => ({ at: ["edges", index, end], key: edge[end] })),
  );
  return [
    ...repeated(nodes, (index) => ["nodes", index, "key"]),
    ...repeated(
      edges.map(({ source, target }) => ({ key: `${source} → ${target}` })),
      (index) => ["edges", index],
    ),
    ...ends.filter(({ key }) => !keys.has(key)).map(({ at, key }) => missingNode(at, key)),
  ];
}

function checkConsole({ panels }: ConsoleDocument, { nodes }: CanvasDocument): Found[] {
  const keys = new Set(nodes.map((node) => node.key));
  return [
    ...repeated(panels, (index) => ["panels", index, "key"]),
    ...panels.flatMap(({ node }, index) =>
      keys.has(node) ? [] : [missingNode(["panels", index, "node"], node)],
    ),
  ];
}

function missingNode(at: Found["at"], key: string): Found {
  return { at, code: "missing-node", message: `canvas.yaml has no node ${key}` };
}

function repeated(items: readonly { readonly key: string }[], at: (index: number) => Found["at"]): Found[] {
  const seen = new Set<string>();
  return items.flatMap(({ key }, index) => {
    const again = seen.has(key);
    seen.add(key);
    return again ? [{ at: at(index), code: "repeated-key", message: `${key} is there twice` }] : [];
  });
}
