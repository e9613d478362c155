-- Only here: another catalog. One line per thing the code relies on, in the form of schema.snapshot.txt.
select line from (
  select format('%s %s.%s %s%s%s', case c.relkind when 'v' then 'view' else 'column' end, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                case when a.attnotnull and c.relkind = 'r' then ' not null' else '' end,
                case when a.attidentity <> '' then ' generated always as identity'
                     when d.oid is not null then ' default ' || pg_get_expr(d.adbin, d.adrelid) else '' end) as line
  from pg_class c
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relnamespace = current_schema()::text::regnamespace and c.relkind in ('r', 'v')
  union all
  select format('index %s %s%s', i.relname,
                replace(pg_get_indexdef(x.indexrelid), ' ON ' || quote_ident(current_schema()::text) || '.', ' ON '),
                case when x.indisvalid then '' else ' INVALID' end)
  from pg_index x
  join pg_class i on i.oid = x.indexrelid
  join pg_class c on c.oid = x.indrelid
  where c.relnamespace = current_schema()::text::regnamespace and c.relkind = 'r'
  union all
  select format('check %s.%s %s', c.relname, k.conname, pg_get_constraintdef(k.oid))
  from pg_constraint k
  join pg_class c on c.oid = k.conrelid
  where c.relnamespace = current_schema()::text::regnamespace and k.contype = 'c'
) as everything
order by line collate "C"
