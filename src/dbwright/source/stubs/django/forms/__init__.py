# ruff: noqa: F401
from django.forms.fields import Field
from django.forms.forms import BaseForm, Form
from django.forms.models import (
    BaseFormSet,
    BaseInlineFormSet,
    BaseModelForm,
    BaseModelFormSet,
    ModelChoiceField,
    ModelForm,
    ModelMultipleChoiceField,
    formset_factory,
    inlineformset_factory,
    model_to_dict,
    modelform_factory,
    modelformset_factory,
)


class BooleanField(Field):
    pass


class CharField(Field):
    pass


class ChoiceField(Field):
    pass


class DateField(Field):
    pass


class DateTimeField(Field):
    pass


class DecimalField(Field):
    pass


class DurationField(Field):
    pass


class EmailField(Field):
    pass


class FileField(Field):
    pass


class FloatField(Field):
    pass


class ImageField(Field):
    pass


class IntegerField(Field):
    pass


class JSONField(Field):
    pass


class MultipleChoiceField(Field):
    pass


class NullBooleanField(Field):
    pass


class RegexField(Field):
    pass


class SlugField(Field):
    pass


class SplitDateTimeField(Field):
    pass


class TimeField(Field):
    pass


class TypedChoiceField(Field):
    pass


class TypedMultipleChoiceField(Field):
    pass


class URLField(Field):
    pass


class UUIDField(Field):
    pass


class GenericIPAddressField(Field):
    pass
