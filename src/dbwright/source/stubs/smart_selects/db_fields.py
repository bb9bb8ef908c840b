from django.db import models


class ChainedForeignKey(models.ForeignKey):
    def __init__(self, to, chained_field=None, chained_model_field=None, **kwargs):
        for own in ("show_all", "auto_choose", "sort", "view_name"):
            kwargs.pop(own, None)
        super().__init__(to, **kwargs)


class GroupedForeignKey(models.ForeignKey):
    def __init__(self, to, group_field, **kwargs):
        super().__init__(to, **kwargs)


class ChainedManyToManyField(models.ManyToManyField):
    def __init__(self, to, chained_field=None, chained_model_field=None, **kwargs):
        for own in ("auto_choose", "horizontal"):
            kwargs.pop(own, None)
        super().__init__(to, **kwargs)
