import type { StatusServer } from "./status-server.ts";
import { markdown } from "./status-server.ts";
import type { ScratchRepository } from "./scratch-repository.ts";

const people = [
  "Ada Lovelace <ada@example.org>",
  "Grace Hopper <grace@example.org>",
  "Barbara Liskov <barbara@example.org>",
  "Edsger Dijkstra <edsger@example.org>",
  "Margaret Hamilton <margaret@example.org>",
];

const topics = ["pricing", "onboarding", "glossary", "release-notes", "security", "search", "legal", "api"];

/** A commit by somebody else than the repository's usual one, at a time of its own. */
async function commitAs(
  upstream: ScratchRepository,
  branch: string,
  {
    person,
    files,
    secondsAgo,
  }: { person: string; files: Readonly<Record<string, string>>; secondsAgo: number },
): Promise<string> {
  const parent = await upstream.tip(branch);
  const at = `${person} ${Math.floor(Date.now() / 1000) - secondsAgo} +0000`;
  const lines = [
    `commit refs/heads/${branch}\nmark :1\nauthor ${at}\ncommitter ${at}\ndata 6\nchange\n`,
    ...(parent === undefined ? [] : [`from ${parent}\n`]),
    ...Object.entries(files).map(
      ([path, text]) => `M 100644 inline ${path}\ndata ${Buffer.byteLength(text)}\n${text}\n`,
    ),
  ];
  return (
    await upstream.git(["fast-import", "--quiet", "--done"], `${lines.join("")}get-mark :1\ndone\n`)
  ).trim();
}

/** Three repositories on an ordinary day: most is in sync, some waits, some fails, one branch is rolled back. */
export async function ordinaryDay(server: StatusServer): Promise<void> {
  for (const [index, name] of ["handbook", "product-docs", "website"].entries()) {
    const upstream = await server.repository(name);
    const start = await commitAs(upstream, "main", {
      person: people[index] ?? "",
      files: Object.fromEntries(topics.map((topic) => [`pages/${topic}.md`, markdown(topic)])),
      secondsAgo: 90_000,
    });
    const drafts = topics.flatMap((topic, place) =>
      place % 3 === index ? [] : [`drafts/${topic}-${"abc"[index]}${place}4k`],
    );
    await upstream.branches(drafts, start);
    await server.settle(name);
    for (const [place, draft] of drafts.entries()) {
      const topic = topics[place % topics.length] ?? "";
      await commitAs(upstream, draft, {
        person: people[(place + index) % people.length] ?? "",
        files: {
          [`pages/${topic}.md`]: markdown(`${topic} rewritten`),
          [`pages/new/${topic}.md`]: markdown("New"),
        },
        secondsAgo: 600 * (place + 1),
      });
    }
    await commitAs(upstream, "main", {
      person: people[(index + 2) % people.length] ?? "",
      files: { "pages/pricing.md": markdown("Pricing from January") },
      secondsAgo: 4_000,
    });
    await server.settle(name);
    if (name === "handbook") await trouble(server, upstream, drafts);
  }
  await overTheDay(server);
  await machines(server);
}

async function trouble(
  server: StatusServer,
  upstream: ScratchRepository,
  drafts: readonly string[],
): Promise<void> {
  const [first = "", second = ""] = drafts;
  await commitAs(upstream, first, {
    person: people[3] ?? "",
    files: {
      "pages/onboarding.md": "---\norder: first\ntitle: Onboarding\n---\n",
      "pages/legal.md": "---\ntitle: 2026\n---\n",
      "pages/team/remote.md": "---\norder: 3\n---\n\nNo title.\n",
    },
    secondsAgo: 130,
  });
  await commitAs(upstream, second, {
    person: people[1] ?? "",
    files: { "pages/api.md": '---\ntitle: "API\n---\n' },
    secondsAgo: 3_900,
  });
  await server.settle("handbook");
}

/** Everything was built within seconds; here it happens as people work: the more, the later. */
async function overTheDay({ db }: StatusServer): Promise<void> {
  const earlier = "(1 - sqrt((n + 0.2) / total)) * interval '21 hours' + interval '40 s'";
  await db.query(
    `with numbered as (select number, (row_number() over (order by number)) as n, (count(*) over ()) as total
                       from headstart_materializer.events)
     update headstart_materializer.events e set recorded_at = now() - greatest(${earlier}, interval '40 s')
     from numbered where e.number = numbered.number`,
  );
  await db.query(
    `update headstart_materializer.versions v set published_at = e.recorded_at
     from headstart_materializer.events e where e.branch_id = v.branch_id and (e.message ->> 'version') = v.id::text`,
  );
  await db.query(
    `update headstart_materializer.branches b set desired_at = e.recorded_at - interval '1 s', error_at = e.recorded_at
     from headstart_materializer.events e where e.branch_id = b.id and e.position = b.event_position`,
  );
}

/** What other parts of a worker write: heartbeats, leases and deliveries. */
async function machines({ db }: StatusServer): Promise<void> {
  await db.query(
    `insert into headstart_worker.workers
       (id, host, pid, version, started_at, seen_at, concurrency, building, draining, failing_loops)
     values ('worker-1:4242', 'worker-1', 4242, '0.1.0', now() - interval '3 days', now(), 4, 1, false, '{}'),
            ('worker-2:1177', 'worker-2', 1177, '0.1.0', now() - interval '3 days', now(), 8, 1, false, '{}')`,
  );
  await db.query(
    `update headstart_materializer.repositories
     set url = 'https://git.example.org/' || name || '.git', observe_at = now() + interval '31 s',
         changed_at = now() - id * interval '37 min'`,
  );
  await db.query(
    `insert into headstart_worker.deliveries
       (source, delivery, event, received_at, outcome, reason, repositories, locations, refs, pushed_by, settled_at)
     values
       ('our-github', 'd1', 'push', now() - interval '26 min', 'applied', null, '{website}', '{}', '{refs/heads/main}', 'grace', now()),
       ('our-github', 'd2', 'ping', now() - interval '14 min', 'ignored', 'A ping: the webhook is set up.', '{website}', '{}', '{}', null, now()),
       ('our-gitlab', 'd3', 'Push Hook', now() - interval '6 min', 'unknown-repository', 'No registered repository has this place.', '{}', '{git.example.org/attic/old}', '{refs/heads/main}', 'edsger', now()),
       ('amqp', 'd4', 'repository-branch-updated', now() - interval '2 min', 'applied', null, '{handbook}', '{}', '{refs/heads/drafts/pricing-a04k}', 'ada', now()),
       ('our-github', 'd5', 'push', now() - interval '4 s', 'pending', null, '{product-docs}', '{}', '{refs/heads/main}', 'margaret', null)`,
  );
  await db.query(
    `with found as (
       select b.id, row_number() over (order by b.id) as n from headstart_materializer.branches b
       join headstart_materializer.repositories r on r.id = b.repository_id
       where r.name = 'product-docs' and b.class = 'draft' limit 4
     )
     update headstart_materializer.branches b
     set dirty = true, desired_seq = desired_seq + 1000,
         desired_oid = decode(md5(b.ref) || substr(md5(b.ref || 'x'), 1, 8), 'hex'),
         desired_at = now() - s.n * interval '2 s',
         lease_owner = case when s.n <= 2 then 'worker-' || s.n || ':' || case s.n when 1 then '4242' else '1177' end end,
         lease_token = case when s.n <= 2 then 900000 + s.n end,
         lease_until = case when s.n <= 2 then now() + interval '10 min' end
     from found s where b.id = s.id`,
  );
}
