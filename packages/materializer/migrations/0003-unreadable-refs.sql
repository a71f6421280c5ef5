-- Branches whose names are no UTF-8: nothing can be projected of them, and somebody has to be told.
alter table repositories add column unreadable_refs text[] not null default '{}';
