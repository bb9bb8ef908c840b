from django.db import models


class CKEditor5Field(models.TextField):
    def __init__(self, *args, **kwargs):
        for own in ("config_name", "extra_plugins", "external_plugin_resources", "compress", "protocol", "copy"):
            kwargs.pop(own, None)
        kwargs.pop("max_length", None)
        super().__init__(*args, **kwargs)
