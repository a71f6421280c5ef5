-- What a version holds: its base without the units its delta replaces, and its delta.
create view version_rows as
select v.id as version_id, r.unit, r.collection, r.key, r.data
from versions v
join segment_rows r on r.segment_id = v.base_segment
where v.delta_segment is null
   or not exists (select from segment_units u where u.segment_id = v.delta_segment and u.unit = r.unit)
union all
select v.id, r.unit, r.collection, r.key, r.data
from versions v
join segment_rows r on r.segment_id = v.delta_segment;

create view version_files as
select v.id as version_id, f.unit, f.path, f.kind, f.mode, f.oid
from versions v
join segment_files f on f.segment_id = v.base_segment
where v.delta_segment is null
   or not exists (select from segment_units u where u.segment_id = v.delta_segment and u.unit = f.unit)
union all
select v.id, f.unit, f.path, f.kind, f.mode, f.oid
from versions v
join segment_files f on f.segment_id = v.delta_segment;

create view version_issues as
select v.id as version_id, i.unit, i.ordinal, i.path, i.line, i.column_number, i.code, i.message, i.severity
from versions v
join segment_issues i on i.segment_id = v.base_segment
where v.delta_segment is null
   or not exists (select from segment_units u where u.segment_id = v.delta_segment and u.unit = i.unit)
union all
select v.id, i.unit, i.ordinal, i.path, i.line, i.column_number, i.code, i.message, i.severity
from versions v
join segment_issues i on i.segment_id = v.delta_segment;

-- What readers of an application select from: one statement sees one version of each branch, whole.
create view branch_rows as
select p.name as repository, b.ref, b.class, v.id as version_id, encode(v.oid, 'hex') as oid,
       r.unit, r.collection, r.key, r.data
from repositories p
join branches b on b.repository_id = p.id
join versions v on v.id = b.served_version
join version_rows r on r.version_id = v.id;
