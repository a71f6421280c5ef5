import { z } from "zod";

const key = z.string().regex(/^[\w./-]{1,80}$/);
const place = { key, title: z.string().min(1), column: z.int().min(0).max(20), row: z.int().min(0).max(20) };
const repository = z.string().min(1);

/** What a node shows depends on its kind; only a note shows nothing but its title. */
const node = z.discriminatedUnion("kind", [
  z.strictObject({
    ...place,
    kind: z.literal("runs"),
    source: z.strictObject({ workspace: z.string().min(1) }),
  }),
  z.strictObject({ ...place, kind: z.literal("repository"), source: z.strictObject({ repository }) }),
  z.strictObject({
    ...place,
    kind: z.literal("workflow"),
    source: z.strictObject({ repository, workflow: z.string().min(1) }),
  }),
  z.strictObject({ ...place, kind: z.literal("activity"), source: z.strictObject({ repository }) }),
  z.strictObject({
    ...place,
    kind: z.literal("search"),
    source: z.strictObject({ repository, text: z.string().min(1) }),
  }),
  z.strictObject({ ...place, kind: z.literal("note") }),
]);

/** `canvas.yaml`: cards on a grid and the lines between them. */
export const canvasSchema = z.strictObject({
  title: z.string().min(1),
  nodes: z.array(node),
  edges: z.array(z.strictObject({ source: key, target: key })).default([]),
});

/** `console.yaml`: panels beside the canvas, each about one of its nodes. */
export const consoleSchema = z.strictObject({
  panels: z.array(
    z.strictObject({
      key,
      title: z.string().min(1),
      node: key,
      show: z.enum(["activity", "runs", "search"]),
      size: z.enum(["half", "full"]).default("half"),
    }),
  ),
});

export type CanvasDocument = z.output<typeof canvasSchema>;
export type CanvasNode = CanvasDocument["nodes"][number];
export type ConsoleDocument = z.output<typeof consoleSchema>;
export type Panel = ConsoleDocument["panels"][number];
