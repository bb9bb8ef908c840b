from django.dbwright import queryset_of, something
from django.dbwright import render as _render


def get_object_or_404(klass, *args, **kwargs):
    return queryset_of(klass).get(*args, **kwargs)


def get_list_or_404(klass, *args, **kwargs):
    return [row for row in queryset_of(klass).filter(*args, **kwargs)]


async def aget_object_or_404(klass, *args, **kwargs):
    return queryset_of(klass).get(*args, **kwargs)


async def aget_list_or_404(klass, *args, **kwargs):
    return [row for row in queryset_of(klass).filter(*args, **kwargs)]


def render(request, template_name, context=None, content_type=None, status=None, using=None):
    return _render(template_name, context, request)


def redirect(to, *args, **kwargs):
    return something()
