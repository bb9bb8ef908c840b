DROP TRIGGER partition_mirror ON {{ source }}
-- then
DROP TRIGGER partition_mirror_truncate ON {{ source }}
-- then
DROP TABLE {{ old }}
-- then
DROP SCHEMA {{ before | name }}
-- then
DROP FUNCTION {{ parts | name }}.swap(), {{ parts | name }}.exchange(text, text, text), {{ parts | name }}.fingerprint(text, text, text),
    {{ parts | name }}.mirror(), {{ parts | name }}.mirror_back(), {{ parts | name }}.columns(text)
-- then
DROP PROCEDURE {{ parts | name }}.copy_rows(integer), {{ parts | name }}.check_rows()
-- then
DROP TABLE {{ parts | name }}.batches
