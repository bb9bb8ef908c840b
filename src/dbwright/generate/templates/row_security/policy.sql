SET LOCAL lock_timeout = '5s'
-- then
-- Read once a statement, not once a row; nothing told means no rows.
CREATE POLICY {{ policy | name }} ON {{ source }}
    USING ({{ column | name }} = (SELECT nullif(current_setting({{ setting | literal }}, true), '')::{{ type }}))
    WITH CHECK ({{ column | name }} = (SELECT nullif(current_setting({{ setting | literal }}, true), '')::{{ type }}))
-- then
ALTER TABLE {{ source }} ENABLE ROW LEVEL SECURITY
-- then
-- For the table's owner as well. Superusers and roles with BYPASSRLS still see everything: the application must be neither.
ALTER TABLE {{ source }} FORCE ROW LEVEL SECURITY
