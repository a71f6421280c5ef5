import type { Settings } from "../boot/settings.ts";
import { inTransaction } from "../database/transaction.ts";
import { earlierPosition, formatPosition, type Position } from "../position.ts";
import { firstParked } from "../store/parked.ts";
import { listVersions } from "../store/version.ts";

export interface RetentionFloor {
  /** Events up to here are in every version that is kept, and nothing needs them to go on; undefined without versions. */
  readonly position: Position | undefined;
  /** What would need each of the next events. */
  readonly holders: readonly {
    readonly projection: string;
    readonly versionId: string;
    readonly position: string;
  }[];
  /** Building anew, verifying and redriving need the whole log, so they end where it is cut. */
  readonly warning: string;
}

/** Up to where the log's events are no longer needed by any version that is active, being built, or kept. */
export async function readRetentionFloor({ pool, log }: Settings): Promise<RetentionFloor> {
  const settled = await log.settle(pool);
  const { fence, all } = await inTransaction(
    pool,
    async (client) => ({
      fence: (await log.horizon(client, settled)).fence,
      all: await listVersions(client),
    }),
    "snapshot",
  );
  const versions = all.filter((version) => version.log === log.name && version.status !== "abandoned");
  const holders: { projection: string; versionId: string; position: Position }[] = [];
  for (const { id: versionId, projection, mode, status, checkpoint: built } of versions) {
    // Rows that appends keep hold everything, and models of them begin at the fence.
    const checkpoint = mode === "inline" && status === "active" ? fence : built;
    const [first] = await firstParked(pool, versionId);
    const before =
      first === undefined ? checkpoint : { ...first.position, number: first.position.number - 1n };
    holders.push({ projection, versionId, position: earlierPosition(checkpoint, before) });
  }
  return {
    position: holders
      .map(({ position }) => position)
      .reduce<Position | undefined>(
        (floor, position) => (floor === undefined ? position : earlierPosition(floor, position)),
        undefined,
      ),
    holders: holders.map((holder) => ({ ...holder, position: formatPosition(holder.position) })),
    warning:
      "rebuild, verify and redrive fold the log from its beginning, and refuse to do so once events are gone",
  };
}
