from django.db import models


class JSONField(models.TextField):
    def __init__(self, *args, **kwargs):
        for own in ("dump_kwargs", "load_kwargs", "encoder_class"):
            kwargs.pop(own, None)
        super().__init__(*args, **kwargs)


class JSONCharField(models.CharField):
    def __init__(self, *args, **kwargs):
        for own in ("dump_kwargs", "load_kwargs", "encoder_class"):
            kwargs.pop(own, None)
        super().__init__(*args, **kwargs)
