-- Branches that cannot be followed, for somebody has to be told: those whose names are no UTF-8 or too long, and those
-- whose commits git does not give.
alter table repositories
  add column unreadable_refs text[] not null default '{}',
  add column refused_refs text[] not null default '{}';
