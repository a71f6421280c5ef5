-- The workers that are alive, by their heartbeats. A worker that ends well takes its row away.
create table workers (
  id text collate "C" primary key,
  host text not null,
  pid int not null,
  version text not null,
  started_at timestamptz not null,
  seen_at timestamptz not null,
  concurrency int not null,
  building int not null,
  draining boolean not null default false,
  failing_loops text[] not null default '{}'
);
create index workers_seen_at on workers (seen_at);
