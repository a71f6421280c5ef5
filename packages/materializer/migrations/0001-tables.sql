-- The repositories whose branches are projected. `last_seq` orders wanted states; whoever holds
-- `observe_token` is the one observer.
create table repositories (
  id bigint generated always as identity primary key,
  name text collate "C" not null unique,
  url text not null,
  scope text collate "C" not null,
  tenant text collate "C" not null,
  live text[] not null default '{}',
  drafts text[] not null default '{drafts/**}',
  default_ref text collate "C",
  projector_name text collate "C" not null,
  projector text collate "C" not null,
  superseded_projectors text[] not null default '{}',
  paused_at timestamptz,
  guard text,
  last_seq bigint not null default 0,
  hints bigint not null default 0,
  observe_at timestamptz not null default now(),
  observe_token bigint,
  observe_until timestamptz,
  observed_at timestamptz,
  changed_at timestamptz,
  observe_failures int not null default 0,
  error_code text,
  error_message text,
  error_at timestamptz,
  created_at timestamptz not null default now()
);
create index repositories_observe_at on repositories (observe_at);

create sequence tokens;

-- Who said that a branch moved; the next observation reads it and takes it away.
create table hints (
  repository_id bigint not null references repositories on delete cascade,
  ref text collate "C" not null,
  pushed_by text,
  received_at timestamptz not null default now(),
  primary key (repository_id, ref)
);

-- Rows of a projection, shared between versions: a base holds a whole tree, a delta the units that replace
-- some of its base's.
create table segments (
  id bigint generated always as identity primary key,
  repository_id bigint not null references repositories on delete cascade,
  branch_id bigint not null,
  token bigint not null,
  sealed boolean not null default false,
  created_at timestamptz not null default now()
);
create index segments_unsealed on segments (branch_id) where not sealed;

create table segment_units (
  segment_id bigint not null references segments on delete cascade,
  unit text collate "C" not null,
  primary key (segment_id, unit)
);

create table segment_files (
  segment_id bigint not null references segments on delete cascade,
  unit text collate "C" not null,
  path text collate "C" not null,
  kind text collate "C" not null,
  mode text not null,
  oid bytea not null check (octet_length(oid) in (20, 32)),
  -- What keeps the path itself from being projected, else empty. Of two paths that are shown alike it tells which is which.
  problem text not null default '',
  primary key (segment_id, unit, path, problem)
);

create table segment_rows (
  segment_id bigint not null references segments on delete cascade,
  unit text collate "C" not null,
  collection text collate "C" not null,
  key text collate "C" not null,
  data jsonb not null,
  primary key (segment_id, unit, collection, key)
);
create index segment_rows_collection on segment_rows (segment_id, collection, key);

create table segment_issues (
  segment_id bigint not null references segments on delete cascade,
  unit text collate "C" not null,
  ordinal int not null,
  path text collate "C" not null,
  line int,
  column_number int,
  code text not null,
  message text not null,
  severity text not null check (severity in ('error', 'warning')),
  primary key (segment_id, unit, ordinal)
);

-- The branch row is the queue: `dirty` says that its wanted state has no outcome yet.
create table branches (
  id bigint generated always as identity primary key,
  repository_id bigint not null references repositories on delete cascade,
  ref text collate "C" not null,
  class text not null check (class in ('live', 'draft')),
  incarnation int not null default 1,
  owner text,
  desired_oid bytea check (octet_length(desired_oid) in (20, 32)),
  desired_seq bigint not null,
  desired_at timestamptz not null default now(),
  from_scratch boolean not null default false,
  dirty boolean not null default true,
  due_at timestamptz not null default now(),
  attempts int not null default 0,
  parked_at timestamptz,
  lease_owner text,
  lease_token bigint,
  lease_until timestamptz,
  materialized_seq bigint not null default 0,
  latest_version bigint,
  served_version bigint,
  pinned_at timestamptz,
  error_code text,
  error_message text,
  error_oid bytea,
  error_at timestamptz,
  event_position bigint not null default 0,
  audited_at timestamptz,
  audit_differences int,
  -- The served version that was found to differ from git: a rebuild is ordered for it once.
  diverged_version bigint,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  unique (repository_id, ref)
);
create index branches_due on branches (repository_id, (class <> 'live'), due_at, id)
  where dirty and parked_at is null and deleted_at is null;
create index branches_leased on branches (repository_id) where lease_token is not null;
create index branches_live on branches (repository_id) where class = 'live';
create index branches_audit on branches (audited_at nulls first, id)
  where served_version is not null and deleted_at is null;

create table versions (
  id bigint generated always as identity primary key,
  branch_id bigint not null references branches on delete cascade,
  incarnation int not null,
  seq bigint not null,
  oid bytea not null check (octet_length(oid) in (20, 32)),
  tree_oid bytea not null check (octet_length(tree_oid) in (20, 32)),
  tree_files int not null,
  repository_id bigint not null references repositories on delete cascade,
  projector text collate "C" not null,
  base_segment bigint not null references segments,
  delta_segment bigint references segments,
  committed_at timestamptz not null,
  author text not null,
  blobs_parsed int not null,
  blobs_reused int not null,
  units_assembled int not null,
  build_ms int not null,
  published_at timestamptz not null default now(),
  unique (branch_id, seq)
);
create index versions_tree on versions (repository_id, projector, tree_oid);
create index versions_base_segment on versions (base_segment);
create index versions_delta_segment on versions (delta_segment) where delta_segment is not null;

alter table branches add foreign key (latest_version) references versions;
alter table branches add foreign key (served_version) references versions;

-- What stopped the newest wanted state of a branch, beside the version that goes on being served.
create table branch_issues (
  branch_id bigint not null references branches on delete cascade,
  ordinal int not null,
  path text collate "C" not null,
  line int,
  column_number int,
  code text not null,
  message text not null,
  severity text not null check (severity in ('error', 'warning')),
  primary key (branch_id, ordinal)
);

-- Parsed blobs. `parser` is the projector's identity; `scope` keeps tenants from each other's content. Documents
-- are json, not jsonb, so that a cached one has its keys in the order in which it was parsed.
create table blob_documents (
  scope text collate "C" not null,
  parser text collate "C" not null,
  kind text collate "C" not null,
  oid bytea not null check (octet_length(oid) in (20, 32)),
  document json,
  problems jsonb not null,
  created_at timestamptz not null default now(),
  primary key (scope, parser, kind, oid)
);

-- One gapless log a branch: `position` counts up from 1 under the branch's row lock. `number` only grows, with
-- gaps, for readers that follow all branches at once.
create table events (
  number bigint generated always as identity unique,
  branch_id bigint not null references branches on delete cascade,
  position bigint not null,
  type text not null,
  message jsonb not null,
  recorded_at timestamptz not null default now(),
  primary key (branch_id, position)
);

-- Who reads the events, and how far each has come in each branch. An event puts its branch into the queue of every
-- consumer, so that finding what is unread costs the same however many branches there are.
create table consumers (
  name text collate "C" primary key,
  -- Whether the events that were there before it are queued.
  queued boolean not null default false
);

create table consumer_positions (
  consumer text collate "C" not null references consumers on delete cascade,
  branch_id bigint not null references branches on delete cascade,
  position bigint not null,
  primary key (consumer, branch_id)
);

create table consumer_queue (
  consumer text collate "C" not null references consumers on delete cascade,
  branch_id bigint not null references branches on delete cascade,
  since timestamptz not null default clock_timestamp(),
  primary key (consumer, branch_id)
);
create index consumer_queue_since on consumer_queue (consumer, since, branch_id);
