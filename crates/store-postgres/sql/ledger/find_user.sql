-- Only here: the writer knows the numbers of users there.
select id from users where workspace_id = $1 and id = any ($2::uuid[])
