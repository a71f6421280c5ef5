const waiting = "b.dirty and b.parked_at is null and b.deleted_at is null";
const due = `${waiting} and b.due_at <= now()
  and (b.lease_until is null or b.lease_until < clock_timestamp())`;
/** Paused repositories, and those whose projector this process has not, count as if nothing waited in them. */
const ours = "r.paused_at is null and r.projector = any($2)";
// So written that the planner sees conditions on the second column of the index branches_due, and keeps its order.
const live = "(b.class <> 'live') <= false";
const draft = "(b.class <> 'live')";

/** A draft that waited this long counts as a live branch, so that busy live branches cannot starve it. */
const PATIENCE = "interval '30 s'";

/** Repositories with due branches that one claim weighs against each other: a claim costs the same in any backlog. */
const WEIGHED = 256;

/** Repositories in which something waits that one claim looks at, with work for this process or without: some 40 ms. */
const STEPS = 16 * WEIGHED;

/** Rows that are looked at beyond those that are asked for, since other processes may be taking the first ones. */
const SPARE = 64;

const ofRepository = (id: string, what: string): string =>
  `select from headstart_materializer.branches b where b.repository_id = ${id} and ${what} and ${due}`;

/** The next repository in which something waits, by id; after the last comes the first. */
const nextAfter = (id: string): string => {
  const first = (where: string): string =>
    `(select b.repository_id from headstart_materializer.branches b where ${waiting} ${where}
      order by b.repository_id limit 1)`;
  // With an offset, since the planner would otherwise look it up again at each use.
  return `select coalesce(${first(`and b.repository_id > ${id}`)}, ${first("")}) as id offset 0`;
};

const hasWork = (id: string): string =>
  `select (exists (select from headstart_materializer.repositories r where r.id = ${id} and ${ours})
     and (exists (${ofRepository(id, live)}) or exists (${ofRepository(id, draft)})))::int as work`;

const oldest = (what: string, urgent: string): string =>
  `(select b.id, b.due_at, ${urgent} as urgent from headstart_materializer.branches b
    where b.repository_id = r.id and ${what} and ${due}
    order by (b.class <> 'live'), b.due_at, b.id
    limit (select $1::int + ${SPARE} / greatest(count(*), 1) from weighed))`;

/**
 * CTEs that end in `taken (id)`: the due branches that come first, locked. `walk` jumps by an index from one
 * repository with waiting branches to the next, from `$3` on (from anywhere when that is null), until it has gone
 * round, met enough with work, or looked at enough. Parameters: $1 how many, $2 identities of projectors, $3 repository id, $4 whether
 * age alone decides between branches that waited for longer than a draft's patience.
 */
export const takeFairly = `
  walk (first, id, work, met, step) as (
    select n.id, n.id, w.work, w.work, 1
    from (select coalesce($3::bigint, floor(random() * (select max(id) from headstart_materializer.repositories))::bigint)
          as id) s
    cross join lateral (${nextAfter("s.id")}) n
    cross join lateral (${hasWork("n.id")}) w
    where n.id is not null
    union all
    select k.first, n.id, w.work, k.met + w.work, k.step + 1
    from walk k
    cross join lateral (${nextAfter("k.id")}) n
    cross join lateral (${hasWork("n.id")}) w
    where k.met < ${WEIGHED} and k.step < ${STEPS} and n.id <> k.first
  ), weighed as (
    select id from walk where work = 1
  ), builds as (
    select r.id, r.tenant, count(*) as builds
    from headstart_materializer.branches b
    join headstart_materializer.repositories r on r.id = b.repository_id
    where b.lease_token is not null and b.lease_until >= clock_timestamp()
    group by r.id
  ), candidate as (
    select d.id, d.due_at, d.urgent, r.tenant, coalesce(o.builds, 0)
           + row_number() over (partition by r.id order by d.urgent desc, d.due_at, d.id) as turn
    from weighed w
    join headstart_materializer.repositories r on r.id = w.id
    left join builds o on o.id = r.id
    cross join lateral (
      ${oldest(live, "true")} union all ${oldest(draft, `b.due_at < now() - ${PATIENCE}`)}
    ) d
    where ${ours}
  ), ranked as (
    select c.*, coalesce(o.builds, 0)
           + row_number() over (partition by c.tenant order by c.urgent desc, c.turn, c.due_at, c.id) as tenant_turn,
           case when $4::boolean and c.due_at < now() - ${PATIENCE} then c.due_at end as first_of_all
    from candidate c
    left join (select tenant, sum(builds) as builds from builds group by tenant) o on o.tenant = c.tenant
  ), chosen as (
    select * from ranked order by urgent desc, first_of_all, tenant_turn, turn, due_at, id limit $1 + ${SPARE}
  ), taken as (
    select b.id from chosen k join headstart_materializer.branches b on b.id = k.id
    where ${due}
    order by k.urgent desc, k.first_of_all, k.tenant_turn, k.turn, k.due_at, k.id
    limit $1 for no key update of b skip locked
  )`;

/** The same for one repository, live before drafts: $3 is its name, $4 the only ref that counts, or null. */
export const takeOnly = `
  taken as (
    select b.id from headstart_materializer.branches b
    join headstart_materializer.repositories r on r.id = b.repository_id
    where r.name = $3 and ($4::text is null or b.ref = $4) and ${ours} and ${due}
    order by (b.class <> 'live'), b.due_at, b.id
    limit $1 for no key update of b skip locked
  )`;

/** Whether somebody builds a branch of the repository called $1, or this process (projectors: $2) could, now. */
export const beingBuilt = `
  select from headstart_materializer.branches b
  join headstart_materializer.repositories r on r.id = b.repository_id
  where r.name = $1 and ${waiting} and (b.lease_until >= clock_timestamp() or (b.due_at <= now() and ${ours}))
  limit 1`;
