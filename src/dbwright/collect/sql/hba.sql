-- what: client authentication rules
-- why: trust, cleartext and md5 entries, wide networks
-- privileges: superuser, or EXECUTE on pg_hba_file_rules()
select
    coalesce(line_number, 0) as line,
    coalesce(type, '') as kind,
    coalesce(database, '{}') as databases,
    coalesce(user_name, '{}') as users,
    address,
    netmask,
    coalesce(auth_method, '') as method,
    error
from pg_hba_file_rules
order by line_number
