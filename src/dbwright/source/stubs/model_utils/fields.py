from django.db import models
from django.utils.timezone import now


class AutoCreatedField(models.DateTimeField):
    def __init__(self, *args, **kwargs):
        kwargs.setdefault("editable", False)
        kwargs.setdefault("default", now)
        super().__init__(*args, **kwargs)


class AutoLastModifiedField(AutoCreatedField):
    pass


class StatusField(models.CharField):
    def __init__(self, *args, no_check_for_status=False, choices_name="STATUS", **kwargs):
        kwargs.setdefault("max_length", 100)
        super().__init__(*args, **kwargs)


class MonitorField(models.DateTimeField):
    def __init__(self, *args, monitor=None, when=None, **kwargs):
        super().__init__(*args, **kwargs)


class SplitField(models.TextField):
    def __init__(self, *args, no_excerpt_field=False, **kwargs):
        super().__init__(*args, **kwargs)

    def contribute_to_class(self, cls, name, *args, **kwargs):
        cls.add_to_class(f"_{name}_excerpt", models.TextField(editable=False))
        super().contribute_to_class(cls, name, *args, **kwargs)


class UUIDField(models.UUIDField):
    def __init__(self, primary_key=True, version=4, editable=False, *args, **kwargs):
        super().__init__(*args, primary_key=primary_key, editable=editable, **kwargs)


class UrlsafeTokenField(models.CharField):
    def __init__(self, editable=False, max_length=128, factory=None, **kwargs):
        super().__init__(editable=editable, max_length=max_length, **kwargs)
