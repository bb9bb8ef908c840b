from django.db import models


class ImageField(models.FileField):
    def __init__(self, *args, width_field=None, height_field=None, **kwargs):
        super().__init__(*args, **kwargs)
