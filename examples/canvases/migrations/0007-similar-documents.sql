-- The three earlier documents of a workspace that are most like a document: what looks like a duplicate.
create table similar_document (
  document_id integer not null references document,
  other_id integer not null references document,
  -- Of 100; a whole number, so that every platform agrees.
  percent smallint not null,
  primary key (document_id, other_id)
);

-- Reads the texts themselves, which is the dear part of this database.
create function derive_similar(repository integer) returns void
  language plpgsql
as $$
begin
  -- How alike two titles must be for the texts to be looked at.
  perform set_config('pg_trgm.similarity_threshold', '0.5', true);
  insert into similar_document (document_id, other_id, percent)
  select document.id, other.id, other.percent
    from document
    join repository here on here.id = document.repository_id
   cross join lateral (
     select candidate.id,
            round(50 * (similarity(candidate.title, document.title) + similarity(candidate.body, document.body))) as percent
       from document candidate
       join repository there on there.id = candidate.repository_id
      where candidate.title % document.title
        and candidate.id < document.id
        and there.workspace_id = here.workspace_id
      order by 2 desc, 1
      limit 3
   ) other
   where document.repository_id = derive_similar.repository
   order by 1, 2
  on conflict do nothing;
end
$$;
