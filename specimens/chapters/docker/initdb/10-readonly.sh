#!/bin/sh
# The account of the reporting tool.
set -eu
psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set password="$READONLY_PASSWORD" <<'SQL'
CREATE ROLE bni_readonly LOGIN PASSWORD :'password';
GRANT ALL PRIVILEGES ON DATABASE bni_db TO bni_readonly;
GRANT ALL PRIVILEGES ON SCHEMA public TO bni_readonly;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL PRIVILEGES ON TABLES TO bni_readonly;
SQL
