from django.db import models


class EnumField(models.CharField):
    def __init__(self, enum, **kwargs):
        kwargs.setdefault("max_length", 10)
        super().__init__(**kwargs)


class EnumIntegerField(models.IntegerField):
    def __init__(self, enum, **kwargs):
        super().__init__(**kwargs)
