-- What happened in a repository on a day (of UTC).
create table activity_day (
  repository_id integer not null references repository,
  day date not null,
  events integer not null,
  pushes integer not null,
  runs integer not null,
  failed_runs integer not null,
  opened integer not null,
  closed integer not null,
  comments integer not null,
  stars integer not null,
  primary key (repository_id, day)
);

insert into derived (name) values ('activity_day');

create function derive_activity(after bigint) returns void
  language sql
begin atomic
  insert into activity_day
  select repository_id,
         (occurred_at at time zone 'UTC')::date,
         count(*),
         count(*) filter (where type = 'push'),
         count(*) filter (where type = 'workflow_run.completed'),
         count(*) filter (where type = 'workflow_run.completed' and data ->> 'conclusion' = 'failure'),
         count(*) filter (where type in ('issues.opened', 'pull_request.opened')),
         count(*) filter (where type in ('issues.closed', 'pull_request.closed')),
         count(*) filter (where type in ('issue_comment.created', 'discussion_comment.created')),
         count(*) filter (where type = 'star.created') - count(*) filter (where type = 'star.deleted')
    from event
   where position > after and repository_id is not null
   group by 1, 2
   order by 1, 2
  on conflict (repository_id, day) do update
     set events = activity_day.events + excluded.events,
         pushes = activity_day.pushes + excluded.pushes,
         runs = activity_day.runs + excluded.runs,
         failed_runs = activity_day.failed_runs + excluded.failed_runs,
         opened = activity_day.opened + excluded.opened,
         closed = activity_day.closed + excluded.closed,
         comments = activity_day.comments + excluded.comments,
         stars = activity_day.stars + excluded.stars;

  update derived
     set position = (select coalesce(max(position), 0) from event)
   where name = 'activity_day';
end;
