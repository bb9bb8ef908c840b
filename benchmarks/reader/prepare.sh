#!/usr/bin/env bash
# Makes the database of an installed application: its own migrations, then content by the field trials' fillers.
#
#   PGHOST=127.0.0.1 PGPORT=5432 PGUSER=postgres benchmarks/reader/prepare.sh pretix …
#
# Drops and makes a database of the application's name. ROWS sets the size (default 400 rows in the largest tables).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
trials=$here/../field_trials
: "${PGHOST:=127.0.0.1}" "${PGPORT:=5432}" "${PGUSER:=postgres}" "${PGPASSWORD:=reader}"
export PGHOST PGPORT PGUSER PGPASSWORD
rows=${ROWS:-400}
prepare() (
    set -euo pipefail
    app=$1
    database=${app//-/_}
    psql -qX -d postgres -c "DROP DATABASE IF EXISTS $database WITH (FORCE)" -c "CREATE DATABASE $database"
    eval "$(bash "$here/settings.sh" "$app")"
    bin=$APP_HOME/venv/bin
    address=postgresql+psycopg2://$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$database
    cd "$APP_HOME"
    export PYTHONPATH=$APP_HOME${PYTHONPATH:+:$PYTHONPATH}
    case $app in
        nautobot) "$bin/nautobot-server" migrate -v 0 ;;
        pretix | weblate | label-studio) "$bin/python" -m django migrate -v 0 --skip-checks ;;
        superset) "$bin/superset" db upgrade && "$bin/superset" init ;;
        prefect) "$bin/prefect" server database upgrade -y ;;
        mlflow) "$bin/mlflow" db upgrade "$address" ;;
        jupyterhub) timeout 30 "$bin/jupyterhub" -f jupyterhub_config.py || true ;;
        airflow) "$bin/airflow" db migrate ;;
    esac
    [ -z "${MIGRATE_ONLY:-}" ] || exit 0
    if [ -n "${DJANGO_SETTINGS_MODULE:-}" ]; then
        "$bin/python" "$here/record_django.py" --fill "$trials/django_use.py" --rows "$rows" ${APP_SETUP:+--setup "$APP_SETUP"}
    else
        if [ ! -d "$APP_HOME/../tools/lib/python3.11/site-packages/sqlalchemy" ]; then
            VIRTUAL_ENV=$APP_HOME/../tools "$APP_HOME/../tools/bin/uv" pip install -q sqlalchemy 'psycopg[binary]'
        fi
        "$APP_HOME/../tools/bin/python" "$trials/sqlalchemy_use.py" "${address/psycopg2/psycopg}" --rows "$rows" --queries 0
    fi
    psql -qX -d "$database" -f "$here/complete.sql"
)

for app in "$@"; do
    log=${READER_APPS:-${TMPDIR:-/tmp}/reader-apps}/$app/prepare.log
    set +e # a function in a condition would not stop at its first error
    prepare "$app" > "$log" 2>&1
    status=$?
    set -e
    [ $status = 0 ] && echo "$app: prepared" || echo "$app: see $log" >&2
done
