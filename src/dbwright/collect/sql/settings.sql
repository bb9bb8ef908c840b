-- what: server parameters with their source
-- why: judging the configuration and saying where a value comes from
-- privileges: pg_read_all_settings for the hidden ones and for the files
-- note: what this very session set for itself (time limits, no parallelism) is not the server's: its reset value is
select
    name,
    case when source = 'session' then reset_val else setting end as value,
    unit,
    vartype as type,
    context,
    case when source = 'session' and reset_val = boot_val then 'default' else source end as source,
    sourcefile as source_file,
    sourceline as source_line,
    boot_val as boot_value,
    reset_val as reset_value,
    pending_restart
from pg_settings
order by name
