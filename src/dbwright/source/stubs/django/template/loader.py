from django.dbwright import render


class Template:
    def __init__(self, names):
        self.names = names

    def render(self, context=None, request=None):
        return render(self.names, context, request)


def render_to_string(template_name, context=None, request=None, using=None):
    return render(template_name, context, request)


def get_template(template_name, using=None):
    return Template(template_name)


def select_template(template_name_list, using=None):
    return Template(template_name_list)
