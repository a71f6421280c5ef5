/**
 * Every object of the current database that a user made, as rows of kind, name and definition. What differs by
 * nature (oids, owners, grants, sizes) stays out; members of an extension are covered by the extension.
 */
export const schemaInventorySql = `
with ours as (
  select n.oid, n.nspname
    from pg_catalog.pg_namespace n
   where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
),
member as (
  select classid, objid from pg_catalog.pg_depend where deptype = 'e'
)
select 'schema' as kind, quote_ident(nspname) as name, '' as definition from ours
union all
select 'extension', quote_ident(extname), extversion from pg_catalog.pg_extension
union all
select case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
                      when 'm' then 'materialized view' when 'S' then 'sequence' when 'f' then 'foreign table'
                      when 'c' then 'composite type' else c.relkind::text end,
       format('%I.%I', o.nspname, c.relname),
       concat_ws(' ', c.relpersistence, c.reloptions::text, pg_get_partkeydef(c.oid),
                 pg_get_expr(c.relpartbound, c.oid), case when c.relrowsecurity then 'rls' end,
                 case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end)
  from pg_catalog.pg_class c
  join ours o on o.oid = c.relnamespace
 where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
   and not exists (select from member where classid = 'pg_class'::regclass and objid = c.oid)
union all
select 'column', format('%I.%I.%I', o.nspname, c.relname, a.attname),
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
                 nullif(a.attidentity, ''), nullif(a.attgenerated, ''),
                 case when a.attcollation <> 0 then (select collname from pg_catalog.pg_collation where oid = a.attcollation) end,
                 pg_get_expr(d.adbin, d.adrelid))
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
  join ours o on o.oid = c.relnamespace
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where a.attnum > 0 and not a.attisdropped
union all
select 'index', format('%I.%I', o.nspname, c.relname), pg_get_indexdef(c.oid) || case when i.indisvalid then '' else ' invalid' end
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  join ours o on o.oid = c.relnamespace
union all
select 'constraint', format('%s %I', coalesce(nullif(k.conrelid, 0)::regclass::text, nullif(k.contypid, 0)::regtype::text), k.conname),
       pg_get_constraintdef(k.oid) || case when k.convalidated then '' else ' not valid' end
  from pg_catalog.pg_constraint k
  join ours o on o.oid = k.connamespace
 where k.contype <> 'n'
union all
select 'function', p.oid::regprocedure::text, pg_get_functiondef(p.oid)
  from pg_catalog.pg_proc p
  join ours o on o.oid = p.pronamespace
 where p.prokind in ('f', 'p', 'w')
   and not exists (select from member where classid = 'pg_proc'::regclass and objid = p.oid)
union all
select 'aggregate', p.oid::regprocedure::text, concat_ws(' ', a.aggtransfn, a.aggfinalfn, a.agginitval)
  from pg_catalog.pg_proc p
  join pg_catalog.pg_aggregate a on a.aggfnoid = p.oid
  join ours o on o.oid = p.pronamespace
 where not exists (select from member where classid = 'pg_proc'::regclass and objid = p.oid)
union all
select 'trigger', format('%s %I', t.tgrelid::regclass, t.tgname), pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
  from pg_catalog.pg_trigger t
  join pg_catalog.pg_class c on c.oid = t.tgrelid
  join ours o on o.oid = c.relnamespace
 where not t.tgisinternal
union all
select 'enum', t.oid::regtype::text, (select string_agg(e.enumlabel, ',' order by e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = t.oid)
  from pg_catalog.pg_type t
  join ours o on o.oid = t.typnamespace
 where t.typtype = 'e' and not exists (select from member where classid = 'pg_type'::regclass and objid = t.oid)
union all
select 'domain', t.oid::regtype::text, concat_ws(' ', format_type(t.typbasetype, t.typtypmod), case when t.typnotnull then 'not null' end, t.typdefault)
  from pg_catalog.pg_type t
  join ours o on o.oid = t.typnamespace
 where t.typtype = 'd' and not exists (select from member where classid = 'pg_type'::regclass and objid = t.oid)
union all
select 'policy', format('%I.%I %I', schemaname, tablename, policyname), concat_ws(' ', permissive, roles::text, cmd, qual, with_check)
  from pg_catalog.pg_policies
union all
select 'rule', format('%I.%I %I', schemaname, tablename, rulename), definition
  from pg_catalog.pg_rules
 where schemaname !~ '^pg_' and schemaname <> 'information_schema'
union all
select 'sequence value', format('%I.%I', schemaname, sequencename),
       concat_ws(' ', data_type, start_value, min_value, max_value, increment_by, cycle, last_value)
  from pg_catalog.pg_sequences
union all
select 'comment', (pg_identify_object(classoid, objoid, objsubid)).identity, description
  from pg_catalog.pg_description
 where objoid >= 16384
union all
select 'large object', oid::text, md5(lo_get(oid)) from pg_catalog.pg_largeobject_metadata
union all
select 'event trigger', evtname, concat_ws(' ', evtevent, evtfoid::regproc, evtenabled, evttags::text) from pg_catalog.pg_event_trigger
union all
select 'database setting', coalesce(s.setrole::regrole::text, ''), s.setconfig::text
  from pg_catalog.pg_db_role_setting s
 where s.setdatabase = (select oid from pg_catalog.pg_database where datname = current_database())`;

/** Names of the tables and materialized views that hold rows themselves. */
export const dataTablesSql = `
select format('%I.%I', n.nspname, c.relname) as name
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by 1`;

/**
 * Number of rows and a sum of their hashes, which no order of the rows changes. Equal tables have equal sums;
 * unequal ones have the same with a chance of about one in 2^64.
 */
export const tableSumSql = (table: string): string => `
select count(*)::text as rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text as hash from ${table} t`;
