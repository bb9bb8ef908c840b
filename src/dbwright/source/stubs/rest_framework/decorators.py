def action(methods=None, detail=None, **kwargs):
    return None


def api_view(http_method_names=None):
    return None


def permission_classes(classes):
    return None
