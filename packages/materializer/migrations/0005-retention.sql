-- What is removed is looked for where others refer to it: without these, each removal reads all that could.
create index branches_latest_version on branches (latest_version);
create index branches_served_version on branches (served_version);
create index consumer_positions_branch on consumer_positions (branch_id);
create index consumer_queue_branch on consumer_queue (branch_id);
