import { createRequire } from "node:module";
import { expect, test } from "vitest";
import { everyForge, fromGithub, send } from "../support/forge-requests.ts";
import { openIntake, serveWebhooks } from "../support/intake.ts";

interface Example {
  readonly ref?: string;
  readonly ref_type?: string;
  readonly action?: string;
  readonly changes?: { readonly default_branch?: unknown };
}

const load = createRequire(import.meta.url);
const editions = ["api.github.com", "ghes-31", "ghes-32", "ghes-33", "ghes-34", "ghes-35"];

/** What has to become of an example, said a second time and apart from the code. */
function expectation(event: string, { ref = "", ref_type: type, action, changes }: Example): string {
  if (event === "ping") return "ignored: a test of the connection";
  if (event === "push")
    return ref.startsWith("refs/heads/") ? "pending" : "ignored: a tag moved, and no branch";
  if (event === "create" || event === "delete")
    return type === "branch" ? "pending" : "ignored: a tag moved, and no branch";
  if (event === "repository") {
    if (action === "edited" && changes?.default_branch !== undefined) return "pending";
    if (action === "renamed" || action === "transferred")
      return `ignored: the repository was ${action}: register it by its new address`;
    return `ignored: the event repository (${action}) moves no branch`;
  }
  return `ignored: the event ${event} moves no branch`;
}

test.each(editions)("every example of %s is taken, or ignored for the right reason", async (edition) => {
  const events = load(`@octokit/webhooks-examples/${edition}/index.json`) as {
    name: string;
    examples: Example[];
  }[];
  const all = events.flatMap(({ name, examples }) => examples.map((example) => ({ name, example })));
  expect(all.length).toBeGreaterThan(40);
  await using intake = await openIntake(everyForge);
  await using server = await serveWebhooks(intake.context);
  for (const [n, { name, example }] of all.entries()) {
    const answer = await send(
      `${server.url}/webhooks/our-github`,
      fromGithub(name, example, { id: `example-${n}` }),
    );
    expect([name, answer.status], await answer.clone().text()).toEqual([name, name === "ping" ? 200 : 202]);
  }
  const { rows } = await intake.db.query<{
    outcome: string;
    reason: string | null;
    location: string;
    refs: string[];
  }>(
    `select outcome, reason, locations[1] as location, refs, split_part(delivery, '-', 2)::int as n
     from headstart_worker.deliveries order by n`,
  );
  const became = rows.map(({ outcome, reason }) => (reason === null ? outcome : `${outcome}: ${reason}`));
  // Some examples are the same push under another name, and a push is taken once.
  const expected = all.map(({ name, example }) => expectation(name, example));
  const repeats = expected.length - became.length;
  expect(repeats).toBe(repeatedPushes(all));
  expect(became.filter((one) => one !== "pending")).toEqual(expected.filter((one) => one !== "pending"));
  expect(became.filter((one) => one === "pending")).toHaveLength(
    expected.filter((one) => one === "pending").length - repeats,
  );
  for (const { outcome, location, refs } of rows) {
    if (outcome !== "pending") continue;
    expect(location).toMatch(/^[\w.-]+\/[\w-]+\/[\w-]+$/);
    for (const ref of refs) expect(ref).toMatch(/^refs\/heads\//);
  }
});

function repeatedPushes(all: readonly { name: string; example: Example }[]): number {
  const pushes = all.filter(
    ({ name, example }) => name === "push" && expectation(name, example) === "pending",
  );
  return pushes.length - new Set(pushes.map(({ example }) => JSON.stringify(example))).size;
}
