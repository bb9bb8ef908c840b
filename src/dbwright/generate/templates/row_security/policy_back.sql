ALTER TABLE {{ source }} NO FORCE ROW LEVEL SECURITY
-- then
ALTER TABLE {{ source }} DISABLE ROW LEVEL SECURITY
-- then
DROP POLICY {{ policy | name }} ON {{ source }}
