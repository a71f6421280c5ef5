import type { Materializer } from "@headstart/materializer";
import type pg from "pg";

/** What a materializer calls its projection, which its settings are a part of: asked of a repository that is gone after. */
export async function projectorIdentity(
  materializer: Materializer,
  db: pg.Pool,
  { url, projector }: { url: string; projector: string },
): Promise<string> {
  await materializer.register({ name: "asked", url, projector });
  const { rows } = await db.query<{ projector: string }>(
    "delete from headstart_materializer.repositories where name = 'asked' returning projector",
  );
  return rows[0]?.projector ?? "";
}
