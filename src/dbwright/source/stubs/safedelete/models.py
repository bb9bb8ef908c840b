from django.db import models


class SafeDeleteModel(models.Model):
    deleted = models.DateTimeField(editable=False, null=True, db_index=True)
    deleted_by_cascade = models.BooleanField(default=False, editable=False)

    class Meta:
        abstract = True
