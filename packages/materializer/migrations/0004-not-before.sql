-- Before this time a repository that could not be looked at is not asked again, whatever hints come.
alter table repositories add column not_before timestamptz;
