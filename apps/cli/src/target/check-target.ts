import type { Fingerprint } from "@headstart/fingerprint";
import type { SnapshotCheck } from "@headstart/pg-snapshot";
import type { CommandContext } from "../command-context.ts";
import type { ConfiguredTarget } from "../config/choose-targets.ts";
import { targetKey } from "./target-key.ts";

export interface CheckedTarget {
  readonly key: Fingerprint;
  /** `undefined` when the target keeps no snapshot. */
  readonly check: SnapshotCheck | undefined;
}

/**
 * Whether the committed snapshot is whole and was made from the present inputs. Needs neither database nor
 * network.
 *
 * @throws {FingerprintError}
 */
export async function checkTarget(
  configured: ConfiguredTarget,
  { environment, signal, progress }: CommandContext,
): Promise<CheckedTarget> {
  const { name } = configured;
  progress.show(name, { phase: "fingerprint" });
  const [{ checkSnapshot }, { targetStore }, key] = await Promise.all([
    import("@headstart/pg-snapshot/snapshots"),
    import("./target-store.ts"),
    targetKey(configured, { environment, signal }),
  ]);
  const store = targetStore(configured);
  const check = store && (await checkSnapshot(store, { target: name, digest: key.digest }, { signal }));
  return { key, check };
}
