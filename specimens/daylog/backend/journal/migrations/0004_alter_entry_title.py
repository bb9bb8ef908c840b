from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("journal", "0003_entry_is_public")]

    operations = [
        migrations.AlterField(
            model_name="journalentry",
            name="title",
            field=models.CharField(max_length=255),
        ),
    ]
