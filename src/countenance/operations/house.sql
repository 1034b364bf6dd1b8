-- database_figures --
select
    current_setting('server_version'),
    pg_database_size(current_database()),
    (select count(*) from pg_stat_activity where datname = current_database()),
    current_setting('max_connections')::integer
