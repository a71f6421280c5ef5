import type pg from "pg";

interface Place {
  readonly slug: string;
  readonly workspace: string;
  readonly actor: number;
  readonly repositories: readonly { readonly name: string; readonly workflows: readonly string[] }[];
}

interface Node {
  readonly key: string;
  readonly kind: string;
  readonly title: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly source: object;
}

interface Edge {
  readonly source: string;
  readonly target: string;
}

const columnWidth = 320;
const rowHeight = 180;

/** Arranges a canvas as its first editor would, in a working copy, and publishes it. */
export async function layOutCanvas(client: pg.Client, canvas: number): Promise<void> {
  const place = await readPlace(client, canvas);
  const document = place.slug === place.workspace ? overview(place) : repositoryBoard(place);
  const { rows } = await client.query<{ id: number }>(
    "insert into working_copy (canvas_id, actor_id, document) values ($1, $2, $3) returning id",
    [canvas, place.actor, JSON.stringify(document)],
  );
  await client.query("select publish_working_copy($1)", [rows[0]?.id]);
}

async function readPlace(client: pg.Client, canvas: number): Promise<Place> {
  const { rows } = await client.query<Place>(
    `select canvas.slug,
            workspace.slug as workspace,
            (select min(id) from actor) as actor,
            (select jsonb_agg(jsonb_build_object('name', repository.full_name, 'workflows', (
                      select coalesce(jsonb_agg(distinct run.workflow), '[]')
                        from run where run.repository_id = repository.id
                    )) order by repository.full_name)
               from repository
              where repository.workspace_id = workspace.id
                and canvas.slug in (workspace.slug, repository.full_name)) as repositories
       from canvas
       join workspace on workspace.id = canvas.workspace_id
      where canvas.id = $1`,
    [canvas],
  );
  const place = rows[0];
  if (!place) throw new RangeError(`there is no canvas ${canvas}`);
  return place;
}

/** A card for each repository in rows of four, under what is going on in all of them. */
function overview({ workspace, repositories }: Place): { nodes: Node[]; edges: Edge[] } {
  const top = node({ key: "runs", kind: "runs", title: "Latest runs", column: 0, row: 0 }, { workspace });
  const cards = repositories.map(({ name }, index) =>
    node(
      { key: name, kind: "repository", title: name, column: index % 4, row: 1 + Math.floor(index / 4) },
      { repository: name },
    ),
  );
  return { nodes: [top, ...cards], edges: cards.map((card) => ({ source: top.key, target: card.key })) };
}

/** The repository in the middle, its workflows on the right, its days and its words below. */
function repositoryBoard({ repositories }: Place): { nodes: Node[]; edges: Edge[] } {
  const [repository] = repositories;
  if (!repository) throw new RangeError("a board needs its repository");
  const source = { repository: repository.name };
  const center = node(
    { key: "repository", kind: "repository", title: repository.name, column: 0, row: 0 },
    source,
  );
  const around = [
    ...repository.workflows.map((workflow, index) =>
      node(
        { key: `workflow-${index + 1}`, kind: "workflow", title: workflow, column: 1 + index, row: 0 },
        { ...source, workflow },
      ),
    ),
    node({ key: "activity", kind: "activity", title: "The last two weeks", column: 0, row: 1 }, source),
    node(
      { key: "bugs", kind: "search", title: "Said about fixes", column: 1, row: 1 },
      { ...source, text: "fix" },
    ),
    node({ key: "note", kind: "note", title: "Arrange this canvas as you like", column: 2, row: 1 }, {}),
  ];
  const edges = around
    .filter(({ kind }) => kind !== "note")
    .map(({ key }) => ({ source: center.key, target: key }));
  return { nodes: [center, ...around], edges };
}

interface Cell {
  readonly key: string;
  readonly kind: string;
  readonly title: string;
  readonly column: number;
  readonly row: number;
}

function node({ key, kind, title, column, row }: Cell, source: object): Node {
  const corner = { x: column * columnWidth, y: row * rowHeight };
  return { key, kind, title, ...corner, width: columnWidth - 40, height: rowHeight - 40, source };
}
