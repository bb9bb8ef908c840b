from django.dbwright import render as _render


class SimpleTemplateResponse:
    def __init__(self, template, context=None, content_type=None, status=None, charset=None, using=None, headers=None):
        _render(template, context)


class TemplateResponse:
    def __init__(
        self, request, template, context=None, content_type=None, status=None, charset=None, using=None, headers=None
    ):
        _render(template, context, request)
