-- Takes roles.sql back: what the migrations' role owns becomes the property of who runs this, connected to the database as a superuser.
BEGIN;
REASSIGN OWNED BY {{ migrate | name }} TO CURRENT_USER;
DROP OWNED BY {{ read | name }};
DROP OWNED BY {{ app | name }};
DROP OWNED BY {{ migrate | name }};
{% for schema in schemas %}
GRANT USAGE ON SCHEMA {{ schema | name }} TO PUBLIC;
{% endfor %}
DO $back$
BEGIN
    EXECUTE format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO PUBLIC', current_database());
END
$back$;
DROP ROLE {{ migrate | name }}, {{ app | name }}, {{ read | name }};
COMMIT;
