from django.db import models

from django_extensions.db.fields import AutoSlugField, CreationDateTimeField, ModificationDateTimeField


class TimeStampedModel(models.Model):
    created = CreationDateTimeField("created")
    modified = ModificationDateTimeField("modified")

    class Meta:
        get_latest_by = "modified"
        abstract = True


class TitleDescriptionModel(models.Model):
    title = models.CharField("title", max_length=255)
    description = models.TextField("description", blank=True, null=True)

    class Meta:
        abstract = True


class TitleSlugDescriptionModel(TitleDescriptionModel):
    slug = AutoSlugField("slug", populate_from="title")

    class Meta:
        abstract = True


class ActivatorModel(models.Model):
    status = models.IntegerField("status", default=1)
    activate_date = models.DateTimeField(blank=True, null=True)
    deactivate_date = models.DateTimeField(blank=True, null=True)

    class Meta:
        ordering = ("status", "-activate_date")
        abstract = True
