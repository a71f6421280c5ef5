import colors from "picocolors";
import { expect, test } from "vitest";
import { redriveCommand } from "../../src/commands/projections/redrive.ts";
import { fillLog, projectionProject } from "../fixtures/projections.ts";

test("redrive shows on a terminal how much of the log it has read", async () => {
  await using ledger = await projectionProject();
  await fillLog(ledger, 1200);
  await ledger.run(["rebuild", "balances"]);
  const details: (string | undefined)[] = [];
  const context = {
    cwd: ledger.project.path("."),
    configFile: undefined,
    environment: { LEDGER_URL: ledger.url },
    signal: new AbortController().signal,
    progress: {
      show: (_subject: string, { detail }: { detail?: string | undefined }) => void details.push(detail),
      clear: () => undefined,
    },
    colors: colors.createColors(false),
  };
  const { exitCode } = await redriveCommand(context, "balances", { key: "account-1" });
  expect(exitCode).toBe(0);
  for (const read of [500, 1000, 1200])
    expect(details).toContainEqual(expect.stringContaining(`${read} events read`));
});
