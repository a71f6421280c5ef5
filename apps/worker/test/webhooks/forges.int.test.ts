import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { applyDeliveries } from "../../src/deliveries/apply-deliveries.ts";
import {
  everyForge,
  fromBitbucketCloud,
  fromBitbucketDataCenter,
  fromGitea,
  fromGithub,
  fromGitlab,
  fromSigningGitlab,
  send,
  type ForgeRequest,
} from "../support/forge-requests.ts";
import { openIntake, serveWebhooks, type Intake } from "../support/intake.ts";
import * as payloads from "./forge-payloads.ts";

let intake: Intake;
let server: Awaited<ReturnType<typeof serveWebhooks>>;

beforeAll(async () => {
  intake = await openIntake(everyForge);
  server = await serveWebhooks(intake.context);
  // Each registered by another spelling than the payload's.
  await intake.register("on-github", "ssh://git@github.com/team/handbook");
  await intake.register("on-gitlab", "https://gitlab.example.org/team/sub/handbook");
  await intake.register("on-gitea", "https://Gitea.example.org:3000/team/handbook");
  await intake.register("on-cloud", "ssh://git@bitbucket.org/team/handbook.git");
  await intake.register("on-dc", "https://bitbucket.example.org/scm/team/handbook.git");
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await intake[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await intake.db.query("truncate headstart_worker.deliveries");
  await intake.db.query("truncate headstart_materializer.hints");
});

interface Case {
  readonly name: string;
  readonly source: string;
  readonly request: () => ForgeRequest;
  readonly refs: readonly string[];
  readonly repository: string;
  readonly by: string | null;
}

const main = "refs/heads/main";
const draft = "refs/heads/drafts/ünï/x";

const moves: readonly Case[] = [
  ...(
    [
      ["GitHub, a push", () => fromGithub("push", payloads.githubPush(main)), [main]],
      [
        "GitHub, a deletion by push",
        () => fromGithub("push", payloads.githubPush(draft, { deleted: true })),
        [draft],
      ],
      [
        "GitHub, a created branch",
        () => fromGithub("create", payloads.githubCreate("drafts/x", "branch")),
        ["refs/heads/drafts/x"],
      ],
      [
        "GitHub, a deleted branch",
        () => fromGithub("delete", payloads.githubCreate("drafts/x", "branch")),
        ["refs/heads/drafts/x"],
      ],
      [
        "GitHub, signed with the older secret",
        () => fromGithub("push", payloads.githubPush(main), { secret: everyForge.environment.GITHUB_OLD }),
        [main],
      ],
      [
        "GitHub, as a form",
        () =>
          fromGithub(
            "push",
            new URLSearchParams({ payload: JSON.stringify(payloads.githubPush(draft)) }).toString(),
            { type: "application/x-www-form-urlencoded" },
          ),
        [draft],
      ],
    ] as const
  ).map(([name, request, refs]) => ({
    name,
    source: "our-github",
    request,
    refs,
    repository: "on-github",
    by: "jane",
  })),
  {
    name: "GitHub, another default branch",
    source: "our-github",
    request: () => fromGithub("repository", payloads.githubDefaultBranch()),
    refs: [],
    repository: "on-github",
    by: null,
  },
  ...(
    [
      ["GitLab, a push by token", () => fromGitlab("Push Hook", payloads.gitlabPush(main)), [main], "jdoe"],
      [
        "GitLab, a push by signature",
        () => fromSigningGitlab("Push Hook", payloads.gitlabPush(draft)),
        [draft],
        "jdoe",
      ],
      [
        "GitLab, a deletion",
        () => fromGitlab("Push Hook", payloads.gitlabPush(draft, { deleted: true })),
        [draft],
        "jdoe",
      ],
      [
        "GitLab, a push to a system hook",
        () => fromGitlab("System Hook", payloads.gitlabPush(main)),
        [main],
        "jdoe",
      ],
      [
        "GitLab, a push of more branches than it sends push hooks for",
        () =>
          fromGitlab(
            "System Hook",
            payloads.gitlabRepositoryUpdate(["refs/heads/a", "refs/tags/v1", "refs/heads/b", "refs/heads/a"]),
          ),
        ["refs/heads/a", "refs/heads/b"],
        "Jane Doe",
      ],
    ] as const
  ).map(([name, request, refs, by]) => ({
    name,
    source: "our-gitlab",
    request,
    refs,
    repository: "on-gitlab",
    by,
  })),
  ...(
    [
      ["Gitea, a push", () => fromGitea("push", payloads.giteaPush(main)), [main]],
      [
        "Gitea, a push signed as GitHub's",
        () => fromGitea("push", payloads.giteaPush(main), { as: "hub" }),
        [main],
      ],
      ["Forgejo, a push", () => fromGitea("push", payloads.giteaPush(draft), { as: "forgejo" }), [draft]],
      [
        "Gitea, a created branch",
        () => fromGitea("create", payloads.giteaCreate("drafts/x", "branch")),
        ["refs/heads/drafts/x"],
      ],
      [
        "Gitea, a created branch by its full name",
        () => fromGitea("create", payloads.giteaCreate("refs/heads/drafts/x", "branch")),
        ["refs/heads/drafts/x"],
      ],
      [
        "Gitea, a deleted branch",
        () => fromGitea("delete", payloads.giteaDelete("drafts/x", "branch")),
        ["refs/heads/drafts/x"],
      ],
    ] as const
  ).map(([name, request, refs]) => ({
    name,
    source: "our-gitea",
    request,
    refs,
    repository: "on-gitea",
    by: "jane",
  })),
  ...(
    [
      [
        "Bitbucket Cloud, a push of branches and a tag",
        [
          { old: { type: "branch", name: "main" }, new: { type: "branch", name: "main" } },
          { old: null, new: { type: "tag", name: "v1" } },
          { old: { type: "branch", name: "drafts/x" }, new: null },
        ],
        [main, "refs/heads/drafts/x"],
      ],
      [
        "Bitbucket Cloud, a created branch",
        [{ old: null, new: { type: "branch", name: "drafts/y" } }],
        ["refs/heads/drafts/y"],
      ],
      ["Bitbucket Cloud, a push whose list was cut", [], []],
    ] as const
  ).map(([name, changes, refs]) => ({
    name,
    source: "our-cloud",
    request: () => fromBitbucketCloud("repo:push", payloads.cloudPush(changes)),
    refs,
    repository: "on-cloud",
    by: "jane",
  })),
  ...(
    [
      [
        "Bitbucket Data Center, a push",
        () => fromBitbucketDataCenter("repo:refs_changed", payloads.dataCenterPush([main, "refs/tags/v1"])),
        [main],
        "jane",
      ],
      [
        "Bitbucket Data Center, a push without addresses",
        () =>
          fromBitbucketDataCenter("repo:refs_changed", payloads.dataCenterPush([draft], { links: false })),
        [draft],
        "jane",
      ],
      [
        "Bitbucket Data Center, a mirror with too many refs",
        () => fromBitbucketDataCenter("mirror:repo_synchronized", payloads.dataCenterMirror()),
        [],
        null,
      ],
    ] as const
  ).map(([name, request, refs, by]) => ({ name, source: "our-dc", request, refs, repository: "on-dc", by })),
];

test.each(moves)("$name: makes its repository due", async ({ source, request, refs, repository, by }) => {
  const due = async (): Promise<Record<string, number>> => {
    const { rows } = await intake.db.query<{ name: string; hints: number }>(
      "select name, hints::int from headstart_materializer.repositories order by name",
    );
    return Object.fromEntries(rows.map(({ name, hints }) => [name, hints]));
  };
  const before = await due();
  const answer = await send(`${server.url}/webhooks/${source}`, request());
  expect([answer.status, await answer.json()]).toMatchObject([202, { outcome: "taken" }]);
  expect(await stored()).toMatchObject([{ source, outcome: "pending", refs, pushed_by: by }]);
  await applyDeliveries(intake.db, 10);
  expect(await stored()).toMatchObject([{ outcome: "applied", repositories: [repository], reason: null }]);
  const after = await due();
  expect(after).toEqual({ ...before, [repository]: (before[repository] ?? 0) + 1 });
  const { rows: remembered } = await intake.db.query(
    `select r.name, h.ref, h.pushed_by from headstart_materializer.hints h
     join headstart_materializer.repositories r on r.id = h.repository_id order by h.ref`,
  );
  expect(remembered).toEqual(
    by === null ? [] : refs.toSorted().map((ref) => ({ name: repository, ref, pushed_by: by })),
  );
});

test.each([
  [
    "our-github",
    "GitHub, a tag",
    () => fromGithub("push", payloads.githubPush("refs/tags/v1")),
    "a tag moved, and no branch",
  ],
  [
    "our-github",
    "GitHub, notes",
    () => fromGithub("push", payloads.githubPush("refs/notes/commits")),
    "neither a branch nor a tag moved",
  ],
  [
    "our-github",
    "GitHub, a created tag",
    () => fromGithub("create", payloads.githubCreate("v1", "tag")),
    "a tag moved, and no branch",
  ],
  [
    "our-gitlab",
    "GitLab, a tag",
    () => fromGitlab("Tag Push Hook", payloads.gitlabTagPush()),
    "a tag moved, and no branch",
  ],
  [
    "our-gitlab",
    "GitLab, a tag to a system hook",
    () => fromGitlab("System Hook", payloads.gitlabTagPush()),
    "a tag moved, and no branch",
  ],
  [
    "our-gitlab",
    "GitLab, a merge request",
    () => fromSigningGitlab("Merge Request Hook", payloads.gitlabMergeRequest()),
    "the event Merge Request Hook moves no branch",
  ],
  [
    "our-gitea",
    "Gitea, a tag",
    () => fromGitea("create", payloads.giteaCreate("v1", "tag")),
    "a tag moved, and no branch",
  ],
  [
    "our-gitea",
    "Gitea, a deleted tag",
    () => fromGitea("delete", payloads.giteaDelete("v1", "tag")),
    "a tag moved, and no branch",
  ],
  [
    "our-gitea",
    "Gitea, an issue",
    () => fromGitea("issues", payloads.giteaIssue()),
    "the event issues moves no branch",
  ],
  [
    "our-cloud",
    "Bitbucket Cloud, a tag",
    () =>
      fromBitbucketCloud(
        "repo:push",
        payloads.cloudPush([{ old: null, new: { type: "annotated_tag", name: "v1" } }]),
      ),
    "a tag moved, and no branch",
  ],
  [
    "our-cloud",
    "Bitbucket Cloud, an issue",
    () => fromBitbucketCloud("issue:created", payloads.cloudIssue()),
    "the event issue:created moves no branch",
  ],
  [
    "our-dc",
    "Bitbucket Data Center, a tag",
    () => fromBitbucketDataCenter("repo:refs_changed", payloads.dataCenterPush(["refs/tags/v1"])),
    "a tag moved, and no branch",
  ],
  [
    "our-dc",
    "Bitbucket Data Center, a comment",
    () => fromBitbucketDataCenter("repo:comment:added", payloads.dataCenterComment()),
    "the event repo:comment:added moves no branch",
  ],
] as const)("%s: %s is kept as ignored, with the reason", async (source, _, request, reason) => {
  const answer = await send(`${server.url}/webhooks/${source}`, request());
  expect([answer.status, await answer.json()]).toMatchObject([202, { outcome: "ignored", message: reason }]);
  expect(await stored()).toMatchObject([{ source, outcome: "ignored", reason }]);
  expect(await applyDeliveries(intake.db, 10)).toEqual({ settled: [], failed: 0 });
});

test.each([
  ["our-github", () => fromGithub("ping", { zen: "Design for failure.", hook_id: 1, hook: {} })],
  ["our-dc", () => fromBitbucketDataCenter("diagnostics:ping", { test: true })],
] as const)("%s: a signed test of the connection is answered and shown", async (source, request) => {
  const answer = await send(`${server.url}/webhooks/${source}`, request());
  expect([answer.status, await answer.json()]).toMatchObject([200, { outcome: "pong" }]);
  expect(await stored()).toMatchObject([{ source, outcome: "ignored", reason: "a test of the connection" }]);
});

test("Bitbucket Data Center tests the connection without a signature: answered, and nothing kept", async () => {
  const { headers, body } = fromBitbucketDataCenter("diagnostics:ping", { test: true });
  const { "x-hub-signature": _, ...unsigned } = headers;
  const answer = await send(`${server.url}/webhooks/our-dc`, { headers: unsigned, body });
  expect([answer.status, await answer.json()]).toMatchObject([200, { outcome: "pong" }]);
  const push = fromBitbucketDataCenter("repo:refs_changed", payloads.dataCenterPush([main]));
  const { "x-hub-signature": __, ...alsoUnsigned } = push.headers;
  const refused = await send(`${server.url}/webhooks/our-dc`, { headers: alsoUnsigned, body: push.body });
  expect(refused.status).toBe(401);
  const forged = fromBitbucketDataCenter("diagnostics:ping", { test: true }, { secret: "another" });
  expect((await send(`${server.url}/webhooks/our-dc`, forged)).status).toBe(401);
  expect(await stored()).toEqual([]);
});

test("older GitLab sends one id for deliveries that follow from each other: the body tells them apart", async () => {
  const shared = "5c0c9d4f-8f0a-4f4f-bb0e-0a4d8d3f7a11";
  const older = (ref: string): ForgeRequest => {
    const { headers, body } = fromGitlab("Push Hook", payloads.gitlabPush(ref));
    const { "idempotency-key": _, ...others } = headers;
    return { body, headers: { ...others, "x-gitlab-event-uuid": shared } };
  };
  const answers = [];
  for (const ref of ["refs/heads/a", "refs/heads/b", "refs/heads/a"]) {
    const answer = await send(`${server.url}/webhooks/our-gitlab`, older(ref));
    answers.push(((await answer.json()) as { outcome: string }).outcome);
  }
  expect(answers).toEqual(["taken", "taken", "repeated"]);
  expect(await stored()).toHaveLength(2);
});

test("a repository that nobody registered is taken all the same, kept as unknown, and tried again when it is sent again", async () => {
  const payload = payloads.giteaPush(main);
  const elsewhere = {
    ...payload.repository,
    clone_url: "https://x:secret@gitea.example.org:3000/team/later.git",
    ssh_url: "",
    html_url: "",
  };
  const request = fromGitea("push", { ...payload, repository: elsewhere });
  const answer = await send(`${server.url}/webhooks/our-gitea`, request);
  expect([answer.status, await answer.json()]).toMatchObject([202, { outcome: "taken" }]);
  await applyDeliveries(intake.db, 10);
  expect(await stored()).toMatchObject([
    {
      outcome: "unknown-repository",
      reason: "no repository is registered as gitea.example.org:3000/team/later",
    },
  ]);
  expect(JSON.stringify(await stored())).not.toContain("secret");
  await intake.register("later", "https://gitea.example.org:3000/team/later");
  expect((await send(`${server.url}/webhooks/our-gitea`, request)).status).toBe(202);
  await applyDeliveries(intake.db, 10);
  expect(await stored()).toMatchObject([{ outcome: "applied", repositories: ["later"] }]);
  expect((await send(`${server.url}/webhooks/our-gitea`, request)).status).toBe(200);
  expect(await applyDeliveries(intake.db, 10)).toEqual({ settled: [], failed: 0 });
});

async function stored() {
  const { rows } = await intake.db.query<Record<string, unknown>>(
    "select source, event, outcome, reason, locations, repositories, refs, pushed_by from headstart_worker.deliveries order by id",
  );
  return rows;
}
