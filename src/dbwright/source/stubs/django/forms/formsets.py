# ruff: noqa: F401
from django.forms.models import BaseFormSet, formset_factory
