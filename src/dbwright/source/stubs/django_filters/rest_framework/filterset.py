from django_filters.filterset import *  # noqa: F403
