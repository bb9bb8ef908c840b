from django.db import models


class FSMFieldMixin:
    def __init__(self, *args, protected=False, state_choices=None, **kwargs):
        super().__init__(*args, **kwargs)


class FSMField(FSMFieldMixin, models.CharField):
    def __init__(self, *args, **kwargs):
        kwargs.setdefault("max_length", 50)
        super().__init__(*args, **kwargs)


class FSMIntegerField(FSMFieldMixin, models.IntegerField):
    pass


class FSMKeyField(FSMFieldMixin, models.ForeignKey):
    pass


def transition(field, source="*", target=None, on_error=None, conditions=[], permission=None, custom={}):
    return lambda function: function
