import type { Database } from "./database.ts";
import { recentRuns } from "./recent-runs.ts";
import { repositoryActivity } from "./repository-activity.ts";
import { searchDocuments } from "./search-documents.ts";

export interface CanvasView {
  readonly slug: string;
  readonly title: string;
  readonly nodes: readonly NodeView[];
  readonly edges: readonly { readonly source: string; readonly target: string }[];
}

export interface NodeView extends CanvasNode {
  /** What the node shows just now. */
  readonly content: unknown;
}

interface CanvasNode {
  readonly key: string;
  readonly kind: "activity" | "note" | "repository" | "runs" | "search" | "workflow";
  readonly title: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly source: Source;
}

interface Source {
  readonly workspace?: string;
  readonly repository?: string;
  readonly workflow?: string;
  readonly text?: string;
}

interface Canvas {
  readonly id: number;
  readonly slug: string;
  readonly title: string;
}

/** A canvas with its nodes filled from the derived tables; `undefined` when there is none of that name. */
export async function viewCanvas(db: Database, slug: string): Promise<CanvasView | undefined> {
  const found = await db.query<Canvas>("select id, slug, title from canvas where slug = $1", [slug]);
  const canvas = found.rows[0];
  if (!canvas) return undefined;
  const nodes = await db.query<CanvasNode>(
    "select key, kind, title, x, y, width, height, source from canvas_node where canvas_id = $1 order by y, x, key",
    [canvas.id],
  );
  const edges = await db.query<{ source: string; target: string }>(
    "select source, target from canvas_edge where canvas_id = $1 order by source, target",
    [canvas.id],
  );
  const filled = await Promise.all(
    nodes.rows.map(async (node) => ({ ...node, content: await contentOf(db, node) })),
  );
  return { slug: canvas.slug, title: canvas.title, nodes: filled, edges: edges.rows };
}

async function contentOf(db: Database, { kind, source }: CanvasNode): Promise<unknown> {
  const { repository = "", workspace, workflow, text = "" } = source;
  switch (kind) {
    case "note":
      return null;
    case "runs":
      return await recentRuns(db, { workspace, limit: 5 });
    case "workflow":
      return await recentRuns(db, { repository, workflow, limit: 5 });
    case "search":
      return (await searchDocuments(db, text, { repository, limit: 3 })).documents;
    case "activity":
      return await repositoryActivity(db, repository);
    case "repository":
      return await repositoryCard(db, repository);
  }
}

async function repositoryCard(db: Database, repository: string): Promise<object | undefined> {
  const { rows } = await db.query<object>(
    `select repository.language,
            sum(activity_day.events)::integer as events,
            sum(activity_day.stars)::integer as stars,
            sum(activity_day.opened - activity_day.closed)::integer as open,
            (select count(*)::integer from run
              where run.repository_id = repository.id and run.status <> 'completed') as "unfinishedRuns"
       from repository
       left join activity_day on activity_day.repository_id = repository.id
      where repository.full_name = $1
      group by repository.id`,
    [repository],
  );
  return rows[0];
}
