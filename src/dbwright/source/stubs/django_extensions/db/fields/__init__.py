from django.db import models


class CreationDateTimeField(models.DateTimeField):
    def __init__(self, *args, **kwargs):
        kwargs.setdefault("editable", False)
        kwargs.setdefault("blank", True)
        kwargs.setdefault("auto_now_add", True)
        super().__init__(*args, **kwargs)


class ModificationDateTimeField(models.DateTimeField):
    def __init__(self, *args, **kwargs):
        kwargs.setdefault("editable", False)
        kwargs.setdefault("blank", True)
        kwargs.setdefault("auto_now", True)
        kwargs.pop("update_modified", None)
        super().__init__(*args, **kwargs)


class AutoSlugField(models.SlugField):
    def __init__(self, *args, **kwargs):
        kwargs.setdefault("blank", True)
        kwargs.setdefault("editable", False)
        for own in (
            "populate_from",
            "separator",
            "overwrite",
            "slugify_function",
            "allow_duplicates",
            "max_unique_query_attempts",
        ):
            kwargs.pop(own, None)
        super().__init__(*args, **kwargs)


class RandomCharField(models.CharField):
    def __init__(self, *args, length=None, **kwargs):
        kwargs.setdefault("blank", True)
        kwargs.setdefault("editable", False)
        kwargs["max_length"] = length
        for own in (
            "lowercase",
            "uppercase",
            "include_digits",
            "include_alpha",
            "include_punctuation",
            "keep_default",
            "max_unique_query_attempts",
        ):
            kwargs.pop(own, None)
        super().__init__(*args, **kwargs)


class ShortUUIDField(models.CharField):
    def __init__(self, *args, auto=True, **kwargs):
        kwargs["max_length"] = 22
        super().__init__(*args, **kwargs)
