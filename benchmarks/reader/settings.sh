#!/usr/bin/env bash
# Prints the environment in which an installed application runs, as lines for `eval`, and writes its settings files.
#
#   eval "$(benchmarks/reader/settings.sh pretix)"; "$APP_PYTHON" -c 'import django; django.setup()'
#
# The database is named by PGHOST, PGPORT, PGUSER, PGPASSWORD and PGDATABASE (default: the application's name). None needs to exist for
# the registry's oracle. APP_ROOT is the application's own package, APP_PYTHON its interpreter, APP_ORACLE the oracle with its arguments.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
app=$1
apps=${READER_APPS:-${TMPDIR:-/tmp}/reader-apps}
home=$apps/$app
bin=$home/venv/bin
site=$(echo "$home"/venv/lib/python3.*/site-packages)
oracles=$(cd "$here/../../src/dbwright/source/oracle" && pwd)
host=${PGHOST:-127.0.0.1} port=${PGPORT:-5432} user=${PGUSER:-postgres} password=${PGPASSWORD:-reader} database=${PGDATABASE:-$app}
database=${database//-/_}
say() { printf 'export %s=%q\n' "$1" "$2"; }
address() { echo "$1://$user:$password@$host:$port/$database"; }
django() { # package directory, settings module
    say APP_ROOT "$site/$1"
    say DJANGO_SETTINGS_MODULE "$2"
    say APP_ORACLE "$oracles/django_registry.py"
}
sqlalchemy() { # package directory, modules
    say APP_ROOT "$site/$1"
    shift
    say APP_ORACLE "$oracles/sqlalchemy_registry.py $*"
}
say APP_PYTHON "$bin/python"
say APP_HOME "$home"
say PGDATABASE "$database"

case $app in
    pretix)
        mkdir -p "$home/data"
        cat > "$home/pretix.cfg" <<CFG
[pretix]
url=http://testserver
datadir=$home/data
[database]
backend=postgresql
name=$database
user=$user
password=$password
host=$host
port=$port
CFG
        say PRETIX_CONFIG_FILE "$home/pretix.cfg"
        django pretix pretix.settings
        ;;
    nautobot)
        mkdir -p "$home/root"
        say NAUTOBOT_ROOT "$home/root"
        say NAUTOBOT_CONFIG "$home/root/nautobot_config.py"
        say NAUTOBOT_DB_ENGINE django.db.backends.postgresql
        say NAUTOBOT_DB_NAME "$database"
        say NAUTOBOT_DB_USER "$user"
        say NAUTOBOT_DB_PASSWORD "$password"
        say NAUTOBOT_DB_HOST "$host"
        say NAUTOBOT_DB_PORT "$port"
        say NAUTOBOT_ALLOWED_HOSTS '*'
        [ -f "$home/root/nautobot_config.py" ] ||
            NAUTOBOT_ROOT=$home/root "$bin/nautobot-server" init --disable-installation-metrics "$home/root/nautobot_config.py" >&2
        cat > "$home/reader_cache.py" <<PY
from django.core.cache.backends.filebased import FileBasedCache


class Cache(FileBasedCache):
    """What nautobot asks of its cache beyond Django's own."""

    def delete_pattern(self, pattern):
        self.clear()
PY
        say PYTHONPATH "$home"
        if ! grep -q READER "$home/root/nautobot_config.py"; then
            cat >> "$home/root/nautobot_config.py" <<PY

# READER: no Redis.
CACHES = {"default": {"BACKEND": "reader_cache.Cache", "LOCATION": "$home/cache"}}
CELERY_TASK_ALWAYS_EAGER = True
CELERY_BROKER_URL = "memory://"
SESSION_ENGINE = "django.contrib.sessions.backends.db"
PY
        fi
        django nautobot nautobot_config
        say APP_ORACLE "$oracles/django_registry.py --setup nautobot:setup"
        say APP_SETUP nautobot:setup
        ;;
    weblate)
        mkdir -p "$home/data" "$home/stubs/gi"
        # Drawing libraries that want C headers: named at import, needed for pictures only.
        printf 'class _Any:\n    def __getattr__(self, name):\n        return self\n    def __call__(self, *a, **k):\n        return self\n' > "$home/stubs/hollow.py"
        printf 'from hollow import _Any\ndef __getattr__(name):\n    if name.startswith("__"):\n        raise AttributeError(name)\n    return _Any()\n' > "$home/stubs/cairo.py"
        cp "$home/stubs/cairo.py" "$home/stubs/gi/__init__.py"
        cp "$home/stubs/cairo.py" "$home/stubs/gi/repository.py"
        say PYTHONPATH "$home/stubs"
        cat > "$home/reader_settings.py" <<PY
from weblate.settings_example import *

DATABASES["default"].update(NAME="$database", USER="$user", PASSWORD="$password", HOST="$host", PORT="$port")
DATA_DIR = "$home/data"
SECRET_KEY = "of-the-measure-only" * 3
SITE_DOMAIN = "testserver"
ALLOWED_HOSTS = ["*"]
ADMINS = [("measure", "measure@example.org")]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}, "avatar": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
SESSION_ENGINE = "django.contrib.sessions.backends.db"
CELERY_TASK_ALWAYS_EAGER = True
CELERY_BROKER_URL = "memory://"
CELERY_TASK_EAGER_PROPAGATES = True
CELERY_RESULT_BACKEND = None
COMPRESS_ENABLED = False
PY
        django weblate reader_settings
        ;;
    label-studio)
        say LABEL_STUDIO_BASE_DATA_DIR "$home/data"
        say DJANGO_DB default
        say POSTGRE_NAME "$database"
        say POSTGRE_USER "$user"
        say POSTGRE_PASSWORD "$password"
        say POSTGRE_HOST "$host"
        say POSTGRE_PORT "$port"
        say SECRET_KEY of-the-measure-only
        say PYTHONPATH "$site/label_studio"
        django label_studio core.settings.label_studio
        ;;
    superset)
        cat > "$home/superset_config.py" <<PY
import os

SECRET_KEY = "%064d" % 7
# It connects when it starts; the oracle needs no server.
SQLALCHEMY_DATABASE_URI = "$(address postgresql+psycopg2)" if os.environ.get("PGHOST") else "sqlite://"
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
RATELIMIT_ENABLED = False
FEATURE_FLAGS = {"TAGGING_SYSTEM": True, "EMBEDDED_SUPERSET": True, "ALERT_REPORTS": True, "THUMBNAILS": False}
PY
        say SUPERSET_CONFIG_PATH "$home/superset_config.py"
        say FLASK_APP superset
        sqlalchemy superset --setup superset.app:create_app flask_appbuilder:Model --all superset.models
        say APP_DRIVE 'flask superset.app:create_app'
        ;;
    prefect)
        say PREFECT_HOME "$home/data"
        say PREFECT_API_DATABASE_CONNECTION_URL "$(address postgresql+asyncpg)"
        sqlalchemy prefect prefect.server.database.orm_models:Base
        say APP_DRIVE 'asgi prefect.server.api.server:create_app'
        ;;
    mlflow)
        say MLFLOW_TRACKING_URI "$(address postgresql+psycopg2)"
        sqlalchemy mlflow mlflow.store.tracking.dbmodels.models mlflow.store.model_registry.dbmodels.models \
            mlflow.server.auth.db.models mlflow.store.db.base_sql_model
        say _MLFLOW_SERVER_FILE_STORE "$(address postgresql+psycopg2)"
        say _MLFLOW_SERVER_ARTIFACT_ROOT "$home/artifacts"
        say _MLFLOW_SERVER_REGISTRY_STORE "$(address postgresql+psycopg2)"
        say APP_DRIVE 'protobuf mlflow.server:app'
        ;;
    jupyterhub)
        printf 'c.JupyterHub.db_url = "%s"\n' "$(address postgresql+psycopg2)" > "$home/jupyterhub_config.py"
        sqlalchemy jupyterhub jupyterhub.orm:Base
        ;;
    airflow)
        say AIRFLOW_HOME "$home/data"
        say AIRFLOW__DATABASE__SQL_ALCHEMY_CONN "$(address postgresql+psycopg2)"
        say AIRFLOW__CORE__LOAD_EXAMPLES False
        sqlalchemy airflow --setup airflow.models:import_all_models airflow.models.base:Base
        say APP_DRIVE 'asgi airflow.api_fastapi.app:create_app'
        ;;
    *)
        echo "unknown application: $app" >&2
        exit 2
        ;;
esac
