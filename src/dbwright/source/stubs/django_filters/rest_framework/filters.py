from django_filters.filters import *  # noqa: F403
