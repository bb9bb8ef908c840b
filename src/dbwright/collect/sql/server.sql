-- what: the server, the database, and what this role may see
-- why: every other query is chosen by the version; every Gap is explained by the role
-- privileges: none
select
    current_setting('server_version_num')::int as version,
    current_setting('server_version') as version_text,
    current_database() as database,
    current_user::text as "user",
    (select rolsuper from pg_roles where rolname = current_user) as is_superuser,
    pg_has_role(current_user, 'pg_monitor', 'usage') as can_monitor,
    pg_has_role(current_user, 'pg_read_all_stats', 'usage') as can_read_statistics,
    pg_has_role(current_user, 'pg_read_all_settings', 'usage') as can_read_settings,
    pg_postmaster_start_time() as started_at,
    pg_is_in_recovery() as in_recovery,
    (select system_identifier::text from pg_control_system()) as system_identifier,
    (select case rolname
        when 'rds_superuser' then 'Amazon RDS'
        when 'cloudsqlsuperuser' then 'Google Cloud SQL'
        when 'azure_pg_admin' then 'Azure Database'
        when 'supabase_admin' then 'Supabase'
        when 'neon_superuser' then 'Neon'
        when 'alloydbsuperuser' then 'AlloyDB'
        when 'avnadmin' then 'Aiven'
     end
     from pg_roles
     where rolname in ('rds_superuser', 'cloudsqlsuperuser', 'azure_pg_admin', 'supabase_admin', 'neon_superuser',
                       'alloydbsuperuser', 'avnadmin')
     order by rolname
     limit 1) as managed_by,
    clock_timestamp() as taken_at
