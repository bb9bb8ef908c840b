#!/usr/bin/env bash
# Installs real applications from the package registry, each in an environment of its own, as the reader's measure.
#
#   benchmarks/reader/install.sh pretix superset …        (no argument: all of them)
#
# Idempotent: what is installed stays. Everything goes to $READER_APPS (default: reader-apps in the temp directory), which may be
# deleted afterwards: $READER_APPS/<app>/venv, settings and data beside it. Needs Python 3.11 ($PYTHON) and the registry.
# settings.sh says how each application is set up; only the packages stand here.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
apps=${READER_APPS:-${TMPDIR:-/tmp}/reader-apps}
python=${PYTHON:-python3.11}
mkdir -p "$apps"
apps=$(cd "$apps" && pwd)
export UV_PYTHON_DOWNLOADS=never

if [ ! -x "$apps/tools/bin/uv" ]; then
    "$python" -m venv "$apps/tools"
    "$apps/tools/bin/pip" install -q uv
fi

install() { # app, then what is to be installed; sdists are built only for what BUILD names
    local app=$1
    shift
    [ -f "$apps/$app/installed.txt" ] && return 0
    mkdir -p "$apps/$app"
    "$apps/tools/bin/uv" venv -q --clear -p "$python" "$apps/$app/venv"
    # shellcheck disable=SC2086
    VIRTUAL_ENV=$apps/$app/venv "$apps/tools/bin/uv" pip install -q ${BUILD---only-binary :all:} "$@"
    VIRTUAL_ENV=$apps/$app/venv "$apps/tools/bin/uv" pip freeze > "$apps/$app/freeze.txt"
    mv "$apps/$app/freeze.txt" "$apps/$app/installed.txt"
}

[ $# -gt 0 ] || set -- pretix weblate nautobot label-studio superset prefect mlflow jupyterhub airflow
for app in "$@"; do
    case $app in
        # Some of these applications' requirements are published as source only.
        pretix) BUILD='' install pretix pretix psycopg2-binary ;;
        weblate)
            # Its back-up program and its picture libraries want C headers; its models and queries do not.
            mkdir -p "$apps/weblate"
            printf '%s; python_version < "3"\n' borgbackup pygobject pycairo > "$apps/weblate/override.txt"
            BUILD="--override $apps/weblate/override.txt" install weblate weblate 'psycopg[binary]' 'django-otp<1.7'
            ;;
        nautobot) BUILD='' install nautobot nautobot psycopg2-binary ;;
        label-studio) BUILD='' install label-studio label-studio ;;
        superset) BUILD='' install superset apache-superset psycopg2-binary rich pillow cachetools 'flask-caching<2.4' ;;
        prefect) install prefect prefect asyncpg 'fastapi<0.145' ;;
        mlflow) install mlflow 'mlflow[auth]' psycopg2-binary ;;
        jupyterhub) install jupyterhub jupyterhub psycopg2-binary ;;
        airflow) install airflow apache-airflow psycopg2-binary asyncpg ;;
        *)
            echo "unknown application: $app" >&2
            exit 2
            ;;
    esac
    bash "$here/settings.sh" "$app" > /dev/null
    echo "$app: $apps/$app/venv"
done
