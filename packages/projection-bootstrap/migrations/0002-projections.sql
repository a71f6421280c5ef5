-- A version holds the rows that one projector made; another projector makes another version. Its rows are in
-- table rows_<id>, and everything a writer must compare or set is in this one row.
create table headstart_projections.version (
  id bigint generated always as identity primary key,
  projection text collate "C" not null,
  identity text collate "C" not null,
  log text collate "C" not null,
  mode text not null check (mode in ('async', 'inline')),
  status text not null check (status in ('building', 'built', 'active', 'retired', 'rolled-back', 'abandoned')),
  -- The checkpoint: everything up to here was applied, and nothing after it. Inline rows have none once active.
  era integer not null default 0,
  xid xid8 not null default '0',
  number bigint not null default 0,
  -- Events scanned since the version began, and rows that the table must hold.
  scanned bigint not null default 0,
  row_count bigint not null default 0,
  -- Why no further event can be applied, when not even the key of the next one can be told.
  fault jsonb,
  reason text not null,
  -- Raised by every new holder of the lease; a writer with an older one changes nothing.
  epoch bigint not null default 0,
  lease_owner text,
  lease_until timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  advanced_at timestamptz not null default clock_timestamp(),
  activated_at timestamptz,
  retired_at timestamptz
);

create unique index version_active on headstart_projections.version (projection) where status = 'active';
create unique index version_building on headstart_projections.version (projection, identity)
  where status in ('building', 'built');
create index version_identity on headstart_projections.version (projection, identity);

-- Other projectors that may serve a version's rows, because somebody said so and why.
create table headstart_projections.acceptance (
  version_id bigint not null references headstart_projections.version on delete cascade,
  identity text collate "C" not null,
  reason text not null,
  accepted_at timestamptz not null default clock_timestamp(),
  primary key (version_id, identity)
);

-- Events that could not be applied to a key, and every later one of that key, in order.
create table headstart_projections.parked (
  version_id bigint not null references headstart_projections.version on delete cascade,
  key text collate "C" not null,
  era integer not null,
  xid xid8 not null,
  number bigint not null,
  error text,
  parked_at timestamptz not null default clock_timestamp(),
  primary key (version_id, key, era, xid, number)
);
