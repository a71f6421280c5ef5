-- What somebody told this installation about repositories: one row for each webhook delivery and each message, for
-- as long as deliveries are kept. A row is a hint and its story; the payload itself is never stored.
create table deliveries (
  id bigint generated always as identity primary key,
  -- A source of webhooks by its configured name, or `amqp`.
  source text collate "C" not null,
  -- The sender's id of the delivery: the same one a second time is no second delivery.
  delivery text collate "C" not null,
  -- SHA-256 of the body, where the body says its own time, so that no two honest ones are equal.
  body_digest bytea check (octet_length(body_digest) = 32),
  event text collate "C" not null,
  received_at timestamptz not null default now(),
  outcome text not null
    check (outcome in ('pending', 'applied', 'ignored', 'unknown-repository', 'invalid', 'failed')),
  -- Why nothing came of it, in words.
  reason text,
  -- Where the sender says the repository is: `host/path`, normalised and without credentials.
  locations text[] not null default '{}',
  -- What it is registered as: said by the sender of a message, found by location for a webhook.
  repositories text[] not null default '{}',
  -- Full names of the branches; empty means that every branch is looked at.
  refs text[] not null default '{}',
  pushed_by text,
  attempts int not null default 0,
  due_at timestamptz not null default now(),
  settled_at timestamptz,
  error_message text,
  unique (source, delivery)
);
create unique index deliveries_body on deliveries (source, body_digest) where body_digest is not null;
create index deliveries_due on deliveries (due_at, id) where outcome = 'pending';
create index deliveries_received_at on deliveries (received_at);
