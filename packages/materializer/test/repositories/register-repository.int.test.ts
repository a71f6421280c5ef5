import { expect, test } from "vitest";
import { openProject } from "../support/open-project.ts";

test("a registration says of each key what is wrong with it, and nothing is stored", async () => {
  await using project = await openProject();
  const { materializer, url, db } = project;
  const wrong = { name: "", url, projector: "notes", drafts: ["refs/heads/drafts/*"], branch: "main" };
  const error: unknown = await materializer.register(wrong).catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: "REPOSITORY_INVALID" });
  for (const key of ["name", "drafts", "branch"]) expect(String(error)).toContain(key);
  for (const nul of [{ name: "a\0b" }, { scope: "a\0b" }, { tenant: "a\0b" }, { live: ["a\0b"] }]) {
    await expect(
      materializer.register({ name: "other", url, projector: "notes", ...nul }),
      Object.keys(nul).join(),
    ).rejects.toMatchObject({ code: "REPOSITORY_INVALID" });
  }
  const named = materializer.register({ name: "other", url, projector: "nobody's" });
  await expect(named).rejects.toMatchObject({
    code: "PROJECTOR_UNKNOWN",
    hint: expect.stringContaining("notes") as string,
  });
  for (const hostile of [
    "ext::sh -c touch% x",
    "--upload-pack=x",
    "ssh://-oProxyCommand=x/y",
    "https://u:p@h/r",
  ]) {
    const refused = materializer.register({ name: "other", url: hostile, projector: "notes" });
    await expect(refused, hostile).rejects.toMatchObject({ code: "GIT_REFUSED" });
  }
  const { rows } = await db.query("select name from headstart_materializer.repositories");
  expect(rows).toEqual([{ name: "handbook" }]);
});

test("registering again changes nothing, and other patterns take effect with the next look", async () => {
  await using project = await openProject();
  const { upstream, materializer, url } = project;
  await upstream.commit("main", { "notes/a/x.json": "{}" });
  await upstream.commit("topics/x", { "notes/a/x.json": "{}" });
  await materializer.observe("handbook");
  const registration = { name: "handbook", url, projector: "notes" };
  expect(await materializer.register(registration)).toMatchObject({ outcome: "unchanged" });
  expect(await materializer.register({ ...registration, drafts: ["topics/*"] })).toMatchObject({
    outcome: "updated",
  });
  expect(await materializer.observe("handbook")).toMatchObject({ appeared: 1 });
  expect(await materializer.branch({ repository: "handbook", branch: "topics/x" })).toMatchObject({
    class: "draft",
  });
});
