-- Only here: a namespace inside the database; the server quotes the name.
select format('create schema if not exists %I', $1::text) as statement
