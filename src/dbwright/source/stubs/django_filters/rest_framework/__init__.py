# ruff: noqa: F401, F403
from django_filters.filters import *
from django_filters.filterset import *
from django_filters.rest_framework.backends import DjangoFilterBackend
