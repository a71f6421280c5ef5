create table workspace (
  id integer primary key,
  slug text collate "C" not null unique,
  name text not null
);

create table repository (
  id integer primary key,
  workspace_id integer not null references workspace,
  full_name text collate "C" not null unique,
  language text not null
);

create index repository_workspace on repository (workspace_id);

create table actor (
  id integer primary key,
  login text collate "C" not null unique
);
