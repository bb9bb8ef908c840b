from django.db import models


class CloudinaryField(models.CharField):
    def __init__(self, verbose_name=None, name=None, **kwargs):
        told = {
            key: kwargs[key]
            for key in ("null", "blank", "default", "db_column", "help_text", "unique")
            if key in kwargs
        }
        super().__init__(verbose_name, max_length=255, **told)
