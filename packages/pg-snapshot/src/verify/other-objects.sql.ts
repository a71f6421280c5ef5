/**
 * The part of the inventory on types, operators, text search and foreign data; it goes on where relations end.
 * Options of foreign data come in any order, for a dump sorts them.
 */
export const otherObjectsSql = `
union all
select 'aggregate', p.oid::regprocedure::text,
       concat_ws(' ', a.aggkind, a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn, a.aggdeserialfn, a.aggmtransfn,
                 a.aggminvtransfn, a.aggmfinalfn, a.aggfinalextra, a.aggmfinalextra, a.aggfinalmodify, a.aggmfinalmodify,
                 a.aggtranstype::regtype, a.aggtransspace, a.aggmtranstype::regtype, a.aggmtransspace,
                 a.aggsortop::regoperator, p.proparallel, 'starts', a.agginitval, 'moving starts', a.aggminitval)
  from pg_catalog.pg_proc p
  join pg_catalog.pg_aggregate a on a.aggfnoid = p.oid
  join ours o on o.oid = p.pronamespace
 where not exists (select from member where classid = 'pg_proc'::regclass and objid = p.oid)
union all
select case t.typtype when 'e' then 'enum' when 'd' then 'domain' when 'r' then 'range' else 'base type' end,
       t.oid::regtype::text,
       case t.typtype
         when 'e' then (select string_agg(e.enumlabel, ',' order by e.enumsortorder) from pg_catalog.pg_enum e where e.enumtypid = t.oid)
         when 'd' then concat_ws(' ', format_type(t.typbasetype, t.typtypmod), case when t.typnotnull then 'not null' end,
                                 nullif(t.typcollation, 0)::regcollation, t.typdefault)
         when 'r' then (select concat_ws(' ', r.rngsubtype::regtype, r.rngmultitypid::regtype, nullif(r.rngcollation, 0)::regcollation,
                                         (select opcname from pg_catalog.pg_opclass where oid = r.rngsubopc), r.rngcanonical, r.rngsubdiff)
                          from pg_catalog.pg_range r where r.rngtypid = t.oid)
         else concat_ws(' ', t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typmodout, t.typanalyze, t.typlen,
                        t.typbyval, t.typalign, t.typstorage, t.typcategory, t.typispreferred, t.typdelim, t.typdefault)
       end
  from pg_catalog.pg_type t
  join ours o on o.oid = t.typnamespace
 where t.typtype in ('e', 'd', 'r', 'b')
   and not exists (select from pg_catalog.pg_type e where e.typarray = t.oid)
   and not exists (select from member where classid = 'pg_type'::regclass and objid = t.oid)
union all
select 'extended statistics', format('%I.%I', o.nspname, s.stxname),
       concat_ws(' ', pg_get_statisticsobjdef(s.oid), s.stxstattarget)
  from pg_catalog.pg_statistic_ext s
  join ours o on o.oid = s.stxnamespace
union all
select 'collation', format('%I.%I', o.nspname, c.collname),
       (to_jsonb(c) - array['oid', 'collname', 'collnamespace', 'collowner', 'collversion'])::text
  from pg_catalog.pg_collation c
  join ours o on o.oid = c.collnamespace
 where not exists (select from member where classid = 'pg_collation'::regclass and objid = c.oid)
union all
select 'conversion', format('%I.%I', o.nspname, c.conname),
       concat_ws(' ', c.conforencoding, c.contoencoding, c.conproc, c.condefault)
  from pg_catalog.pg_conversion c
  join ours o on o.oid = c.connamespace
 where not exists (select from member where classid = 'pg_conversion'::regclass and objid = c.oid)
union all
select 'cast', format('%s as %s', c.castsource::regtype, c.casttarget::regtype),
       concat_ws(' ', c.castcontext, c.castmethod, nullif(c.castfunc, 0)::regprocedure)
  from pg_catalog.pg_cast c
 where c.oid >= 16384
   and not exists (select from member where classid = 'pg_cast'::regclass and objid = c.oid)
union all
select 'operator', p.oid::regoperator::text,
       concat_ws(' ', p.oprcode::regprocedure, p.oprcom::regoperator, p.oprnegate::regoperator, p.oprrest, p.oprjoin,
                 case when p.oprcanmerge then 'merges' end, case when p.oprcanhash then 'hashes' end)
  from pg_catalog.pg_operator p
  join ours o on o.oid = p.oprnamespace
 where not exists (select from member where classid = 'pg_operator'::regclass and objid = p.oid)
union all
select 'operator class', format('%I.%I using %I', o.nspname, c.opcname, m.amname),
       concat_ws(' ', c.opcintype::regtype, nullif(c.opckeytype, 0)::regtype, case when c.opcdefault then 'default' end,
                 (select format('%I.%I', n.nspname, f.opfname)
                    from pg_catalog.pg_opfamily f
                    join pg_catalog.pg_namespace n on n.oid = f.opfnamespace
                   where f.oid = c.opcfamily))
  from pg_catalog.pg_opclass c
  join ours o on o.oid = c.opcnamespace
  join pg_catalog.pg_am m on m.oid = c.opcmethod
 where not exists (select from member where classid = 'pg_opclass'::regclass and objid = c.oid)
union all
select 'operator family', format('%I.%I using %I', o.nspname, f.opfname, m.amname),
       concat_ws(' ', (select string_agg(concat_ws(' ', a.amopstrategy, a.amopopr::regoperator, a.amoppurpose), ', '
                                         order by a.amopstrategy, a.amopopr::regoperator::text)
                         from pg_catalog.pg_amop a where a.amopfamily = f.oid),
                      (select string_agg(concat_ws(' ', a.amprocnum, a.amproclefttype::regtype, a.amprocrighttype::regtype, a.amproc::regprocedure), ', '
                                         order by a.amprocnum, a.amproc::regprocedure::text)
                         from pg_catalog.pg_amproc a where a.amprocfamily = f.oid))
  from pg_catalog.pg_opfamily f
  join ours o on o.oid = f.opfnamespace
  join pg_catalog.pg_am m on m.oid = f.opfmethod
 where not exists (select from member where classid = 'pg_opfamily'::regclass and objid = f.oid)
union all
select 'text search configuration', format('%I.%I', o.nspname, c.cfgname),
       concat_ws(' ', (select prsname from pg_catalog.pg_ts_parser where oid = c.cfgparser),
                 (select string_agg(format('%s:%s', m.maptokentype, m.mapdict::regdictionary), ' ' order by m.maptokentype, m.mapseqno)
                    from pg_catalog.pg_ts_config_map m where m.mapcfg = c.oid))
  from pg_catalog.pg_ts_config c
  join ours o on o.oid = c.cfgnamespace
 where not exists (select from member where classid = 'pg_ts_config'::regclass and objid = c.oid)
union all
select 'text search dictionary', format('%I.%I', o.nspname, d.dictname),
       concat_ws(' ', (select tmplname from pg_catalog.pg_ts_template where oid = d.dicttemplate), d.dictinitoption)
  from pg_catalog.pg_ts_dict d
  join ours o on o.oid = d.dictnamespace
 where not exists (select from member where classid = 'pg_ts_dict'::regclass and objid = d.oid)
union all
select 'language', quote_ident(l.lanname),
       concat_ws(' ', l.lanpltrusted, nullif(l.lanplcallfoid, 0)::regprocedure, nullif(l.laninline, 0)::regprocedure,
                 nullif(l.lanvalidator, 0)::regprocedure)
  from pg_catalog.pg_language l
 where l.oid >= 16384
   and not exists (select from member where classid = 'pg_language'::regclass and objid = l.oid)
union all
select 'access method', quote_ident(m.amname), concat_ws(' ', m.amtype, m.amhandler)
  from pg_catalog.pg_am m
 where m.oid >= 16384
   and not exists (select from member where classid = 'pg_am'::regclass and objid = m.oid)
union all
select 'foreign data wrapper', quote_ident(w.fdwname),
       concat_ws(' ', nullif(w.fdwhandler, 0)::regprocedure, nullif(w.fdwvalidator, 0)::regprocedure, array(select unnest(w.fdwoptions) order by 1)::text)
  from pg_catalog.pg_foreign_data_wrapper w
 where not exists (select from member where classid = 'pg_foreign_data_wrapper'::regclass and objid = w.oid)
union all
select 'foreign server', quote_ident(s.srvname),
       concat_ws(' ', w.fdwname, s.srvtype, s.srvversion, array(select unnest(s.srvoptions) order by 1)::text)
  from pg_catalog.pg_foreign_server s
  join pg_catalog.pg_foreign_data_wrapper w on w.oid = s.srvfdw
union all
-- Passwords are in there: what is shown of them serves this one comparison and nobody else.
select 'user mapping', format('%I for %I', m.srvname, m.usename), md5($1::text || array(select unnest(m.umoptions) order by 1)::text)
  from pg_catalog.pg_user_mappings m`;
