-- Brings the derived tables up to the end of the log; the same functions fill them from nothing.
create function catch_up() returns void
  language plpgsql
as $$
begin
  -- Two at once would count the same events twice.
  perform 1 from derived order by name for update;
  perform derive_runs((select position from derived where name = 'run'));
  perform derive_activity((select position from derived where name = 'activity_day'));
  perform derive_documents((select position from derived where name = 'document'));
end
$$;
