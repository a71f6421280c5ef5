import { otherObjectsSql } from "./other-objects.sql.ts";

/**
 * Every object of the current database that a user made, as rows of kind, name and definition: all that a
 * snapshot carries. What differs by nature (oids, sizes) or is left out of dumps (owners, grants) stays out;
 * members of an extension are covered by the extension. Its one parameter is any text, the same for all databases
 * that are compared and not to be foreseen: it blurs secrets.
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
       concat_ws(' ', c.relpersistence, m.amname, c.reloptions::text,
                 (select 'toast ' || t.reloptions::text from pg_catalog.pg_class t where t.oid = c.reltoastrelid),
                 (select 'of ' || c.reloftype::regtype::text where c.reloftype <> 0),
                 (select 'inherits ' || string_agg(i.inhparent::regclass::text, ', ' order by i.inhseqno)
                    from pg_catalog.pg_inherits i where i.inhrelid = c.oid),
                 pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid),
                 case when c.relrowsecurity then 'rls' end, case when c.relforcerowsecurity then 'forced rls' end,
                 case when c.relkind in ('r', 'p', 'm') then 'replica identity ' || c.relreplident::text end,
                 (select concat_ws(' ', s.srvname, array(select unnest(f.ftoptions) order by 1)::text)
                    from pg_catalog.pg_foreign_table f
                    join pg_catalog.pg_foreign_server s on s.oid = f.ftserver
                   where f.ftrelid = c.oid),
                 case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end)
  from pg_catalog.pg_class c
  join ours o on o.oid = c.relnamespace
  left join pg_catalog.pg_am m on m.oid = c.relam
 where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
   and not exists (select from member where classid = 'pg_class'::regclass and objid = c.oid)
union all
select 'column', format('%I.%I.%I', o.nspname, c.relname, a.attname),
       concat_ws(' ', format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 'not null' end,
                 nullif(a.attidentity, ''), nullif(a.attgenerated, ''),
                 case when a.attcollation <> 0 then (select collname from pg_catalog.pg_collation where oid = a.attcollation) end,
                 pg_get_expr(d.adbin, d.adrelid),
                 'storage ' || a.attstorage::text, nullif(a.attcompression, ''), 'statistics ' || a.attstattarget,
                 a.attoptions::text, nullif(array(select unnest(a.attfdwoptions) order by 1)::text, '{}'),
                 -- A dump puts inherited columns first, wherever they were.
                 case when c.relispartition or not exists (select from pg_catalog.pg_inherits where inhrelid = c.oid)
                      then 'at ' || (select count(*) from pg_catalog.pg_attribute b
                                      where b.attrelid = a.attrelid and b.attnum > 0 and not b.attisdropped
                                        and b.attnum <= a.attnum) end)
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'v', 'm', 'f', 'c')
  join ours o on o.oid = c.relnamespace
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where a.attnum > 0 and not a.attisdropped
union all
select 'index', format('%I.%I', o.nspname, c.relname), concat_ws(' ', pg_get_indexdef(c.oid), case when not i.indisvalid then 'invalid' end,
                 case when i.indisclustered then 'clustered' end, case when i.indisreplident then 'replica identity' end,
                 (select string_agg(a.attnum || ' statistics ' || a.attstattarget, ', ' order by a.attnum)
                    from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attstattarget >= 0))
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
select 'trigger', format('%s %I', t.tgrelid::regclass, t.tgname), pg_get_triggerdef(t.oid) || ' ' || t.tgenabled::text
  from pg_catalog.pg_trigger t
  join pg_catalog.pg_class c on c.oid = t.tgrelid
  join ours o on o.oid = c.relnamespace
 where not t.tgisinternal
union all
select 'policy', format('%I.%I %I', schemaname, tablename, policyname), concat_ws(' ', permissive, roles::text, cmd, qual, with_check)
  from pg_catalog.pg_policies
union all
select 'rule', format('%I.%I %I', o.nspname, c.relname, r.rulename), pg_get_ruledef(r.oid) || ' ' || r.ev_enabled::text
  from pg_catalog.pg_rewrite r
  join pg_catalog.pg_class c on c.oid = r.ev_class
  join ours o on o.oid = c.relnamespace
 where r.rulename <> '_RETURN'
union all
select 'sequence value', format('%I.%I', schemaname, sequencename),
       concat_ws(' ', data_type, start_value, min_value, max_value, increment_by, cycle, cache_size, last_value)
  from pg_catalog.pg_sequences
union all
select 'sequence owner', format('%I.%I', o.nspname, c.relname), format('%s.%I', d.refobjid::regclass, a.attname)
  from pg_catalog.pg_class c
  join ours o on o.oid = c.relnamespace
  join pg_catalog.pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid
                             and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
  join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
 where c.relkind = 'S'
union all
select 'comment', (pg_identify_object(classoid, objoid, objsubid)).identity, description
  from pg_catalog.pg_description
 where objoid >= 16384 or (classoid = 'pg_namespace'::regclass and objoid = 'public'::regnamespace)
${otherObjectsSql}
union all
select 'large object', oid::text, md5(lo_get(oid)) from pg_catalog.pg_largeobject_metadata
union all
select 'event trigger', evtname, concat_ws(' ', evtevent, evtfoid::regproc, evtenabled, evttags::text) from pg_catalog.pg_event_trigger
union all
select 'database setting', coalesce(s.setrole::regrole::text, ''), s.setconfig::text
  from pg_catalog.pg_db_role_setting s
 where s.setdatabase = (select oid from pg_catalog.pg_database where datname = current_database())`;

/** The tables and materialized views that hold rows themselves, each with its columns ready for SQL. */
export const dataTablesSql = `
select format('%I.%I', n.nspname, c.relname) as name,
       (select coalesce(string_agg(format('t.%I', a.attname), ', ' order by a.attname), '')
          from pg_catalog.pg_attribute a
         where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'm') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
 order by 1`;

export interface DataTable {
  readonly name: string;
  readonly columns: string;
}

/**
 * Number of rows and a sum of their hashes, which neither the order of the rows changes nor that of the columns: a
 * dump moves inherited ones. Equal tables have equal sums; unequal ones have the same with a chance of about one
 * in 2^64.
 */
export const tableSumSql = ({ name, columns }: DataTable): string => `
select count(*)::text as rows, coalesce(sum(hashtextextended(row(${columns})::text, 0)::numeric), 0)::text as hash from only ${name} t`;
