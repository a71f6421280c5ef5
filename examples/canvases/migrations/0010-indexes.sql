-- A bulk load runs the migrations up to here, loads, and then runs this one: an index is made faster than it is
-- maintained.
create index event_repository on event (repository_id, occurred_at desc);
create index event_type on event (type, occurred_at desc);
create index event_data on event using gin (data jsonb_path_ops);
create index event_delivery on event using gin (delivery jsonb_path_ops);

create index run_recent on run (requested_at desc, id desc);
create index run_repository on run (repository_id, requested_at desc);
create index run_unfinished on run (status) where status <> 'completed';

create index document_words on document using gin (words);
create index document_title on document using gin (title gin_trgm_ops);
create index document_repository on document (repository_id, updated_at desc);

create index similar_document_other on similar_document (other_id);
