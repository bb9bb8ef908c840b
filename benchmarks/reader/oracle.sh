#!/usr/bin/env bash
# Writes $READER_APPS/<app>/oracle.json: what the framework itself says of the models of an installed application.
#
#   benchmarks/reader/oracle.sh pretix superset …
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
failed=0
for app in "$@"; do
    (
        eval "$(bash "$here/settings.sh" "$app")"
        cd "$APP_HOME"
        # shellcheck disable=SC2086
        if ! "$APP_PYTHON" $APP_ORACLE > oracle.new 2> oracle.err; then
            echo "$app: $(cat oracle.new)" >&2
            exit 1
        fi
        mv oracle.new oracle.json
        echo "$app: $APP_HOME/oracle.json"
    ) || failed=1
done
exit $failed
