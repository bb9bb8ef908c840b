from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("reports", "0002_alter_monthlyreport_period")]

    operations = [
        migrations.RenameField(model_name="monthlyreport", old_name="notes", new_name="remarks"),
    ]
