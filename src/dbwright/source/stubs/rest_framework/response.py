from django.dbwright import something


def Response(data=None, status=None, template_name=None, headers=None, exception=False, content_type=None):
    return something()
