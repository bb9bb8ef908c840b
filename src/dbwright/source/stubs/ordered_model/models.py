from django.db import models


class OrderedModelBase(models.Model):
    class Meta:
        abstract = True


class OrderedModel(OrderedModelBase):
    order = models.PositiveIntegerField("order", editable=False, db_index=True)

    class Meta:
        abstract = True
        ordering = ("order",)
