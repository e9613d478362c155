-- Sources, schedules and mails of which none is due, subscribers, and statistics of them.
insert into sources (id, workspace_id, user_id, kind, name, url, schedule, failures, next_at, fetches, new_items, revision, created_at, updated_at)
select gen_random_uuid(), '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000000', 'feed', 'n', 'u', '3600s', 0,
       '2099-01-01'::timestamptz + n * interval '1 s', 0, 0, 1, now(), now()
from generate_series(1, 20000) n;
insert into source_items (id, workspace_id, source_id, key, title, at, seen_at, last_seen_at, changed_at)
select gen_random_uuid(), workspace_id, id, 'k', 't', now(), now(), now(), now() from sources;
insert into schedules (id, workspace_id, user_id, user_external, recipe, spec, state, ready_at, start_at, failures, revision, created_at, updated_at)
select gen_random_uuid(), '00000000-0000-0000-0000-000000000001', gen_random_uuid(), 'ann', 'note', '{}', 'active', '2099-01-01'::timestamptz,
       '2099-01-01'::timestamptz + n * interval '1 s', 0, 1, now(), now()
from generate_series(1, 20000) n;
insert into mails (workspace_id, id, mailing_id, kind, draft_id, version, address, recipient, message_id, created_at, status, holds, tries, round, due_at)
select '00000000-0000-0000-0000-000000000001', gen_random_uuid(), '00000000-0000-0000-0000-000000000002', 'outreach', gen_random_uuid(), 1, 'a@b.example',
       'a@b.example', n::text, now(), 'queued', true, 0, 0, '2099-01-01'::timestamptz
from generate_series(1, 20000) n;
insert into subscribers (workspace_id, id, list, address, recipient, created_at, updated_at)
select '00000000-0000-0000-0000-000000000001', gen_random_uuid(), 'list-' || n % 20, n || '@b.example', n || '@b.example', now(), now()
from generate_series(1, 20000) n;
analyze sources, source_items, schedules, mails, subscribers;
