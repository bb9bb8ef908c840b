DROP TRIGGER IF EXISTS partition_mirror ON {{ source }}
-- then
DROP TRIGGER IF EXISTS partition_mirror_truncate ON {{ source }}
-- then
DROP SCHEMA {{ parts | name }} CASCADE
-- then
DROP SCHEMA {{ before | name }}
