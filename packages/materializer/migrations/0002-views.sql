-- What a version holds: its base without the units its delta replaces, and its delta. A lateral union, since only
-- then does a join by version reach the segments by their keys; joined to each half it would read every version first.
create view version_rows as
select v.id as version_id, r.unit, r.collection, r.key, r.data
from versions v
cross join lateral (
  select s.unit, s.collection, s.key, s.data from segment_rows s
  where s.segment_id = v.base_segment
    and (v.delta_segment is null
      or not exists (select from segment_units u where u.segment_id = v.delta_segment and u.unit = s.unit))
  union all
  select s.unit, s.collection, s.key, s.data from segment_rows s where s.segment_id = v.delta_segment
) r;

create view version_files as
select v.id as version_id, r.unit, r.path, r.kind, r.mode, r.oid, r.problem
from versions v
cross join lateral (
  select s.unit, s.path, s.kind, s.mode, s.oid, s.problem from segment_files s
  where s.segment_id = v.base_segment
    and (v.delta_segment is null
      or not exists (select from segment_units u where u.segment_id = v.delta_segment and u.unit = s.unit))
  union all
  select s.unit, s.path, s.kind, s.mode, s.oid, s.problem from segment_files s where s.segment_id = v.delta_segment
) r;

create view version_issues as
select v.id as version_id, r.unit, r.ordinal, r.path, r.line, r.column_number, r.code, r.message, r.severity
from versions v
cross join lateral (
  select s.unit, s.ordinal, s.path, s.line, s.column_number, s.code, s.message, s.severity
  from segment_issues s
  where s.segment_id = v.base_segment
    and (v.delta_segment is null
      or not exists (select from segment_units u where u.segment_id = v.delta_segment and u.unit = s.unit))
  union all
  select s.unit, s.ordinal, s.path, s.line, s.column_number, s.code, s.message, s.severity
  from segment_issues s where s.segment_id = v.delta_segment
) r;

-- What readers of an application select from: one statement sees one version of each branch, whole.
create view branch_rows as
select p.name as repository, b.ref, b.class, v.id as version_id, encode(v.oid, 'hex') as oid,
       r.unit, r.collection, r.key, r.data
from repositories p
join branches b on b.repository_id = p.id
join versions v on v.id = b.served_version
join version_rows r on r.version_id = v.id;
