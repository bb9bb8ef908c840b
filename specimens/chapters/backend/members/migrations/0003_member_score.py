import django.core.validators
from django.db import migrations, models


def populate_score(apps, schema_editor):
    Member = apps.get_model("members", "Member")
    for member in Member.objects.all():
        member.score = 50 if member.status == "active" else 0
        member.save()


class Migration(migrations.Migration):
    """Every member has a score."""

    dependencies = [("members", "0002_member_status")]

    operations = [
        migrations.AddField(
            model_name="member",
            name="score",
            field=models.DecimalField(max_digits=5, decimal_places=2, null=True),
        ),
        migrations.RunPython(populate_score),
        migrations.AlterField(
            model_name="member",
            name="score",
            field=models.DecimalField(
                max_digits=5,
                decimal_places=2,
                validators=[
                    django.core.validators.MinValueValidator(0),
                    django.core.validators.MaxValueValidator(100),
                ],
            ),
        ),
    ]
