from django.db import models


class ShortUUIDField(models.CharField):
    def __init__(self, *args, length=22, prefix="", alphabet=None, **kwargs):
        kwargs.setdefault("max_length", length + len(prefix))
        super().__init__(*args, **kwargs)
