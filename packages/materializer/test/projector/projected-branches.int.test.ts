import { expect, test } from "vitest";
import { z } from "zod";
import { defineProjector } from "../../src/projector/projector.ts";
import { openProject } from "../support/open-project.ts";

const main = { repository: "handbook", branch: "main" };

const step = z.strictObject({ after: z.string().optional() });

/** A plan is `plan.yaml`, whose steps are named in an order, and `done.json`, which says what was done of it. */
function planProjector({
  policy = "strict",
  stepSchema = step as z.ZodType,
}: { policy?: "strict" | "lenient"; stepSchema?: z.ZodType } = {}) {
  return defineProjector({
    name: "plans",
    revision: "1",
    policy,
    kinds: {
      plan: {
        match: "plans/*/plan.yaml",
        format: "yaml",
        schema: z.strictObject({ steps: z.record(z.string(), stepSchema) }),
      },
      done: { match: "plans/*/done.json", format: "json", schema: z.array(z.string()) },
    },
    required: ["plan"],
    assemble(unit, files) {
      const plan = files.find((file) => file.kind === "plan")!;
      const done = files.find((file) => file.kind === "done");
      const steps = Object.keys(plan.document.steps);
      return {
        rows: [{ collection: "plan", key: unit, data: { steps, done: done?.document.length ?? 0 } }],
        issues: (done?.document ?? []).flatMap((name, index) =>
          steps.includes(name)
            ? []
            : [
                {
                  path: done!.path,
                  at: [index],
                  code: "unknown-step",
                  message: `the plan has no step ${name}`,
                },
              ],
        ),
      };
    },
  });
}

const plan = "steps:\n  zip: {}\n  pack: {}\n  ship: { after: pack }\n";

test("a version has the rows of a defined projector, in the order of the file, also when the file comes from the cache", async () => {
  await using project = await openProject({ projectors: [planProjector()] });
  const { upstream, materializer } = project;
  const rowsOf = async (oid: string) =>
    (await materializer.readRows((await materializer.asOf(main, { oid })).id)).map(({ data }) => data);
  const first = await upstream.commit("main", { "plans/a/plan.yaml": plan, "plans/a/done.json": "[]" });
  await project.settle();
  expect(await rowsOf(first)).toEqual([{ steps: ["zip", "pack", "ship"], done: 0 }]);
  const second = await upstream.commit("main", { "plans/a/done.json": '["zip"]' });
  await project.settle();
  expect(await rowsOf(second)).toEqual([{ steps: ["zip", "pack", "ship"], done: 1 }]);
  expect(await materializer.asOf(main, { oid: second })).toMatchObject({ blobsParsed: 1, blobsReused: 1 });
  expect(await project.verifyAll()).toMatchObject([{ current: true, differences: [] }]);
});

test("a file that did not change is pointed into when another one no longer fits it", async () => {
  await using project = await openProject({ projectors: [planProjector()] });
  const { upstream, materializer } = project;
  const good = await upstream.commit("main", {
    "plans/a/plan.yaml": plan,
    "plans/a/done.json": '[\n  "zip",\n  "ship"\n]',
  });
  await project.settle();
  await upstream.commit("main", {
    "plans/a/plan.yaml": plan.replace("ship:", "send:"),
    "plans/b/plan.yaml": "steps:\n\tx: {}\n",
  });
  await project.settle();
  expect(await materializer.blockingIssues(main)).toMatchObject([
    { path: "plans/a/done.json", line: 3, column: 3, code: "unknown-step" },
    { path: "plans/b/plan.yaml", line: 2, column: 1, code: "yaml-tab-as-indent" },
  ]);
  expect(await materializer.history(main)).toMatchObject([{ oid: good }]);
});

test("a lenient projector does without bad files and flags them", async () => {
  await using project = await openProject({ projectors: [planProjector({ policy: "lenient" })] });
  const { upstream, materializer } = project;
  const oid = await upstream.commit("main", {
    "plans/a/plan.yaml": plan,
    "plans/a/done.json": "[1,]",
    "plans/b/plan.yaml": plan,
  });
  await project.settle();
  const version = await materializer.asOf(main, { oid });
  expect((await materializer.readRows(version.id)).map(({ key }) => key)).toEqual(["plans/a", "plans/b"]);
  expect(await materializer.readIssues(version.id)).toMatchObject([
    { path: "plans/a/done.json", line: 1, column: 4, code: "json-syntax", severity: "error" },
  ]);
});

test("a changed schema alone builds again, from files that did not change", async () => {
  await using project = await openProject({ projectors: [planProjector()] });
  await project.upstream.commit("main", { "plans/a/plan.yaml": plan });
  await project.settle();
  const stepSchema = z.strictObject({ after: z.enum(["zip"]).optional() });
  const next = await project.another({ projectors: [planProjector({ stepSchema })] });
  await next.register({ name: "handbook", url: project.upstream.url, projector: "plans" });
  await next.inProcessRunner().settle("handbook");
  expect(await next.blockingIssues(main)).toMatchObject([
    { path: "plans/a/plan.yaml", line: 4, column: 18, code: "schema-invalid-value" },
  ]);
});

test("other limits are another projection: what was too large before is read again, and served once it is built", async () => {
  await using project = await openProject({
    projectors: [planProjector()],
    documentLimits: { maxBytes: 30 },
  });
  const { upstream, materializer } = project;
  await upstream.commit("main", { "plans/a/plan.yaml": plan });
  await project.settle();
  expect(await materializer.blockingIssues(main)).toMatchObject([{ path: "plans/a/plan.yaml" }]);
  const roomy = await project.another({ documentLimits: { maxBytes: 1_000 } });
  const registration = { name: "handbook", url: upstream.url, projector: "plans" };
  expect(await roomy.register(registration)).toMatchObject({ outcome: "rebuilding" });
  expect(await materializer.claim({ limit: 5 }), "under the old limits nothing is built any more").toEqual(
    [],
  );
  await roomy.inProcessRunner().settle("handbook");
  expect(await roomy.branch(main)).toMatchObject({ errorCode: null });
  const [version] = await roomy.history(main);
  expect(await roomy.readRows(version?.id ?? "")).toMatchObject([
    { data: { steps: ["zip", "pack", "ship"] } },
  ]);
  expect(await roomy.verify(main)).toMatchObject({ current: true, differences: [] });
});
