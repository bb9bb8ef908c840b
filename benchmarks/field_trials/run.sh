#!/usr/bin/env bash
# Installs an application from the package registry, runs its own migrations on a PostgreSQL server, gives it content and use, takes a
# snapshot, grows it, and audits both.
#
#   PGHOST=127.0.0.1 PGPORT=5432 PGUSER=postgres PGPASSWORD=… benchmarks/field_trials/run.sh superset prefect
#
# Needs: a server where PGUSER may create roles and databases, with pg_stat_statements in shared_preload_libraries; Python 3.11; bash; psql.
# For nautobot and indico a Redis on its usual port. Applications: pretix superset nautobot prefect mlflow jupyterhub, and those that no
# rule was changed for when they were first audited: airflow pulpcore zou indico oscar buildbot rdmo. Everything goes to $WORK (default:
# ./field-trials), which can be deleted afterwards. ROWS sets the size (default 6000).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=${WORK:-$PWD/field-trials}
rows=${ROWS:-6000}
dbwright=${DBWRIGHT:-dbwright}
python=${PYTHON:-python3.11}
: "${PGHOST:=127.0.0.1}" "${PGPORT:=5432}"
export PGHOST PGPORT
mkdir -p "$work"
cd "$work"

own() { PGUSER=$app PGPASSWORD=trial_$app PGDATABASE=$app "$@"; }
seed_sql() { "$work/seed/bin/python" "$here/sqlalchemy_use.py" "postgresql+psycopg://$app:trial_$app@$PGHOST:$PGPORT/$app" --rows "$rows"; }
seed_django() { "$work/$app/bin/python" "$here/django_use.py" --rows "$rows"; }
address() { echo "$1://$app:trial_$app@$PGHOST:$PGPORT/$app"; }

if [ ! -d seed ]; then
    "$python" -m venv seed
    seed/bin/pip install -q "sqlalchemy>=2" "psycopg[binary]"
fi

for app in "$@"; do
    bin=$work/$app/bin
    case $app in
        superset) packages='apache-superset psycopg2-binary rich pillow flask-caching<2.4' ;;
        prefect) packages='prefect asyncpg' ;;
        airflow) packages='apache-airflow apache-airflow-providers-fab asyncpg psycopg2-binary' ;;
        zou | pulpcore) packages=$app ;;
        oscar) packages='django-oscar[sorl-thumbnail] psycopg2-binary' ;;
        *) packages="$app psycopg2-binary" ;;
    esac
    if [ ! -d "$app" ]; then
        "$python" -m venv "$app"
        # shellcheck disable=SC2086
        "$bin/pip" install -q $packages
    fi
    psql -qX -d postgres -c "DROP DATABASE IF EXISTS $app" -c "DROP ROLE IF EXISTS $app" \
        -c "CREATE ROLE $app LOGIN PASSWORD 'trial_$app'" -c "CREATE DATABASE $app OWNER $app"
    psql -qX -d "$app" -c "CREATE EXTENSION pg_stat_statements"
    case $app in
        pretix)
            printf '[pretix]\nurl=http://localhost\ndatadir=%s\n[database]\nbackend=postgresql\nname=%s\nuser=%s\npassword=%s\nhost=%s\nport=%s\n' \
                "$work/pretix-data" "$app" "$app" "trial_$app" "$PGHOST" "$PGPORT" > pretix.cfg
            export PRETIX_CONFIG_FILE=$work/pretix.cfg DJANGO_SETTINGS_MODULE=pretix.settings
            "$bin/python" -m pretix migrate
            seed_django
            unset DJANGO_SETTINGS_MODULE
            ;;
        nautobot)
            export NAUTOBOT_ROOT=$work/nautobot-root NAUTOBOT_DB_NAME=$app NAUTOBOT_DB_USER=$app NAUTOBOT_DB_PASSWORD=trial_$app \
                NAUTOBOT_DB_HOST=$PGHOST NAUTOBOT_DB_PORT=$PGPORT NAUTOBOT_DB_ENGINE=django.db.backends.postgresql
            mkdir -p "$NAUTOBOT_ROOT"
            [ -f "$NAUTOBOT_ROOT/nautobot_config.py" ] ||
                "$bin/nautobot-server" init --disable-installation-metrics "$NAUTOBOT_ROOT/nautobot_config.py"
            "$bin/nautobot-server" migrate
            "$bin/python" -c "
import nautobot, runpy, sys
nautobot.setup()
sys.argv = ['django_use.py', '--rows', '$rows']
runpy.run_path('$here/django_use.py', run_name='__main__')"
            ;;
        superset)
            printf 'SECRET_KEY = "%064d"\nSQLALCHEMY_DATABASE_URI = "%s"\n' 7 "$(address postgresql+psycopg2)" > superset_config.py
            export SUPERSET_CONFIG_PATH=$work/superset_config.py FLASK_APP=superset
            "$bin/superset" db upgrade
            "$bin/superset" init
            seed_sql
            ;;
        prefect)
            PREFECT_HOME=$work/prefect-home PREFECT_API_DATABASE_CONNECTION_URL=$(address postgresql+asyncpg) \
                "$bin/prefect" server database upgrade -y
            seed_sql
            ;;
        mlflow)
            "$bin/mlflow" db upgrade "$(address postgresql+psycopg2)"
            seed_sql
            ;;
        jupyterhub)
            printf 'c.JupyterHub.db_url = "%s"\n' "$(address postgresql+psycopg2)" > jupyterhub_config.py
            # It makes its tables when it starts; without its proxy it then ends by itself.
            timeout 30 "$bin/jupyterhub" -f jupyterhub_config.py || true
            seed_sql
            ;;
        airflow)
            AIRFLOW_HOME=$work/airflow-home AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=$(address postgresql+psycopg2) AIRFLOW__CORE__LOAD_EXAMPLES=False \
                "$bin/airflow" db migrate
            seed_sql
            ;;
        zou)
            DB_HOST=$PGHOST DB_PORT=$PGPORT DB_USERNAME=$app DB_PASSWORD=trial_$app DB_DATABASE=$app "$bin/zou" init-db
            seed_sql
            ;;
        indico)
            psql -qX -d "$app" -c "CREATE EXTENSION unaccent" -c "CREATE EXTENSION pg_trgm"
            mkdir -p "$work/indico-data"
            printf 'SQLALCHEMY_DATABASE_URI = "%s"\nSECRET_KEY = "%064d"\nBASE_URL = "http://localhost"\nCELERY_BROKER = "redis://127.0.0.1:6379/0"\nREDIS_CACHE_URL = "redis://127.0.0.1:6379/1"\n' \
                "$(address postgresql)" 7 > indico.conf
            printf 'STORAGE_BACKENDS = {"default": "fs:%s"}\nLOG_DIR = TEMP_DIR = CACHE_DIR = "%s"\n' "$work/indico-data" "$work/indico-data" >> indico.conf
            INDICO_CONFIG=$work/indico.conf "$bin/indico" db prepare
            seed_sql
            ;;
        pulpcore)
            mkdir -p "$work/pulp/tmp" "$work/pulp/media"
            [ -f "$work/pulp/key" ] || openssl rand -base64 32 > "$work/pulp/key"
            export DJANGO_SETTINGS_MODULE=pulpcore.app.settings PULP_DB_ENCRYPTION_KEY=$work/pulp/key PULP_SECRET_KEY=trial \
                PULP_DEPLOY_ROOT=$work/pulp PULP_MEDIA_ROOT=$work/pulp/media \
                PULP_FILE_UPLOAD_TEMP_DIR=$work/pulp/tmp PULP_WORKING_DIRECTORY=$work/pulp/tmp PULP_CONTENT_ORIGIN=http://localhost PULP_DATABASES__default__NAME=$app \
                PULP_DATABASES__default__USER=$app PULP_DATABASES__default__PASSWORD=trial_$app \
                PULP_DATABASES__default__HOST=$PGHOST PULP_DATABASES__default__PORT=$PGPORT
            "$bin/python" -m django migrate
            seed_django
            unset DJANGO_SETTINGS_MODULE
            ;;
        oscar)
            # A library of shop applications: this is the smallest project that has all of its tables.
            cat > oscar_trial.py <<SETTINGS
from oscar.defaults import *
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "$app", "USER": "$app", "PASSWORD": "trial_$app",
                         "HOST": "$PGHOST", "PORT": "$PGPORT"}}
SECRET_KEY, USE_TZ, SITE_ID, ALLOWED_HOSTS = "trial", True, 1, ["*"]
ROOT_URLCONF = "oscar_urls"
MIDDLEWARE = ["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
              "django.contrib.messages.middleware.MessageMiddleware"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {"context_processors": [
    "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages"]}}]
HAYSTACK_CONNECTIONS = {"default": {"ENGINE": "haystack.backends.simple_backend.SimpleEngine"}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
INSTALLED_APPS = ["django.contrib." + n for n in "admin auth contenttypes sessions messages staticfiles sites flatpages".split()]
INSTALLED_APPS += ["oscar.config.Shop"] + [f"oscar.apps.{n}.apps.{c}Config" for n, c in (
    ("analytics", "Analytics"), ("checkout", "Checkout"), ("address", "Address"), ("shipping", "Shipping"), ("catalogue", "Catalogue"),
    ("catalogue.reviews", "CatalogueReviews"), ("communication", "Communication"), ("partner", "Partner"), ("basket", "Basket"),
    ("payment", "Payment"), ("offer", "Offer"), ("order", "Order"), ("customer", "Customer"), ("search", "Search"),
    ("voucher", "Voucher"), ("wishlists", "Wishlists"), ("dashboard", "Dashboard"))]
INSTALLED_APPS += [f"oscar.apps.dashboard.{n}.apps.{n.title()}DashboardConfig" for n in (
    "reports users orders catalogue offers partners pages ranges reviews vouchers communications shipping").split()]
INSTALLED_APPS += ["widget_tweaks", "haystack", "treebeard", "sorl.thumbnail", "django_tables2"]
SETTINGS
            printf 'from django.contrib import admin\nfrom django.urls import path\nurlpatterns = [path("admin/", admin.site.urls)]\n' > oscar_urls.py
            export DJANGO_SETTINGS_MODULE=oscar_trial PYTHONPATH=$work
            "$bin/python" -m django migrate
            seed_django
            unset DJANGO_SETTINGS_MODULE PYTHONPATH
            ;;
        buildbot)
            mkdir -p buildbot-master
            "$bin/buildbot" create-master -q buildbot-master
            cat > buildbot-master/master.cfg <<MASTER
from buildbot.plugins import schedulers, util, worker
c = BuildmasterConfig = {"protocols": {"pb": {"port": 9989}}, "db": {"db_url": "$(address postgresql+psycopg2)"}}
c["workers"] = [worker.Worker("w", "trial")]
c["builders"] = [util.BuilderConfig(name="b", workernames=["w"], factory=util.BuildFactory())]
c["schedulers"] = [schedulers.ForceScheduler(name="f", builderNames=["b"])]
MASTER
            "$bin/buildbot" upgrade-master -q buildbot-master
            seed_sql
            ;;
        rdmo)
            printf 'from rdmo.core.settings import *\nDATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "%s", "USER": "%s", "PASSWORD": "%s", "HOST": "%s", "PORT": "%s"}}\n' \
                "$app" "$app" "trial_$app" "$PGHOST" "$PGPORT" > rdmo_trial.py
            printf 'SECRET_KEY, ROOT_URLCONF, ALLOWED_HOSTS = "trial", "rdmo_urls", ["*"]\nBASE_DIR = STATIC_ROOT = MEDIA_ROOT = "%s"\n' "$work" >> rdmo_trial.py
            printf 'from django.contrib import admin\nfrom django.urls import path\nurlpatterns = [path("admin/", admin.site.urls)]\n' > rdmo_urls.py
            export DJANGO_SETTINGS_MODULE=rdmo_trial PYTHONPATH=$work
            "$bin/python" -m django migrate
            seed_django
            unset DJANGO_SETTINGS_MODULE PYTHONPATH
            ;;
        *) echo "unknown application: $app" >&2; exit 2 ;;
    esac
    own psql -qX -f "$here/complete.sql" 2> /dev/null || true
    "$dbwright" snapshot --db "$(address postgresql)" -o "$app.json"
    PYTHONPATH=$here/../../src:${PYTHONPATH:-} "${DBWRIGHT_PYTHON:-python3}" "$here/grow.py" "$app.json" "$app-grown.json" --factor 200
    for name in "$app" "$app-grown"; do
        "$dbwright" audit --snapshot "$name.json" --no-history --format json -o "$name-findings.json"
    done
done
