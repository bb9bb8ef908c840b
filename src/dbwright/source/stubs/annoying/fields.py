from django.db import models


class AutoOneToOneField(models.OneToOneField):
    pass


class JSONField(models.TextField):
    pass
