-- How far each derived table has read the log.
create table derived (
  name text collate "C" primary key,
  position bigint not null default 0
);

-- The current state of every workflow run.
create table run (
  id bigint primary key,
  repository_id integer not null references repository,
  workflow text not null,
  number integer not null,
  branch text not null,
  trigger text not null,
  title text not null,
  status text not null,
  conclusion text,
  requested_at timestamptz not null,
  started_at timestamptz,
  completed_at timestamptz,
  jobs integer not null default 0,
  failed_jobs integer not null default 0
);

insert into derived (name) values ('run');

-- Runs whose request lies before the log are left out: half a run is none.
create function derive_runs(after bigint) returns void
  language sql
begin atomic
  insert into run (id, repository_id, workflow, number, branch, trigger, title, status, requested_at)
  select split_part(stream, '/', 2)::bigint, repository_id, data ->> 'workflow', (data ->> 'number')::integer,
         data ->> 'branch', data ->> 'trigger', data ->> 'title', data ->> 'status', occurred_at
    from event
   where position > after and type = 'workflow_run.requested'
   order by position
  on conflict (id) do nothing;

  update run
     set status = latest.status,
         conclusion = coalesce(latest.conclusion, run.conclusion),
         started_at = coalesce(run.started_at, latest.started_at),
         completed_at = coalesce(latest.completed_at, run.completed_at)
    from (
      select split_part(stream, '/', 2)::bigint as id,
             (array_agg(data ->> 'status' order by position desc))[1] as status,
             max(data ->> 'conclusion') as conclusion,
             min(occurred_at) filter (where type = 'workflow_run.in_progress') as started_at,
             max(occurred_at) filter (where type = 'workflow_run.completed') as completed_at
        from event
       where position > after and type like 'workflow\_run.%'
       group by 1
    ) latest
   where run.id = latest.id;

  update run
     set jobs = run.jobs + counted.jobs, failed_jobs = run.failed_jobs + counted.failed
    from (
      select split_part(stream, '/', 2)::bigint as id,
             count(*) filter (where type = 'workflow_job.queued') as jobs,
             count(*) filter (where data ->> 'conclusion' = 'failure') as failed
        from event
       where position > after and type like 'workflow\_job.%'
       group by 1
    ) counted
   where run.id = counted.id;

  update derived
     set position = (select coalesce(max(position), 0) from event)
   where name = 'run';
end;
