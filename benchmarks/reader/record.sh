#!/usr/bin/env bash
# Uses prepared applications and writes $READER_APPS/<app>/queries.jsonl: their queries with the lines that they came from.
#
#   PGHOST=127.0.0.1 PGPORT=5432 PGUSER=postgres benchmarks/reader/record.sh pretix …
#
# SECONDS_EACH bounds the time of an application (default 600). A second run adds to the first.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
: "${PGHOST:=127.0.0.1}" "${PGPORT:=5432}" "${PGUSER:=postgres}" "${PGPASSWORD:=reader}"
export PGHOST PGPORT PGUSER PGPASSWORD
for app in "$@"; do
    (
        eval "$(bash "$here/settings.sh" "$app")"
        cd "$APP_HOME"
        export PYTHONPATH=$APP_HOME${PYTHONPATH:+:$PYTHONPATH}
        script=record_sqlalchemy.py
        [ -z "${DJANGO_SETTINGS_MODULE:-}" ] || script=record_django.py
        # shellcheck disable=SC2086
        "$APP_PYTHON" "$here/$script" --package "$APP_ROOT" --out "$APP_HOME/queries.jsonl" --seconds "${SECONDS_EACH:-600}" \
            ${APP_SETUP:+--setup "$APP_SETUP"} ${APP_DRIVE:-} > record.log 2>&1
    ) || echo "$app: see record.log" >&2
    tail -n 1 "${READER_APPS:-${TMPDIR:-/tmp}/reader-apps}/$app/record.log"
done
