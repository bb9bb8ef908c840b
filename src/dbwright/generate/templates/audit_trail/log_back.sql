DROP TABLE audit.log
-- then
DROP FUNCTION audit.record(), audit.refuse()
-- then
DROP SCHEMA audit
