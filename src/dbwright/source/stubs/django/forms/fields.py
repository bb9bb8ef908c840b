from django.dbwright import unknown


class Field:
    def __init__(self, *args, **kwargs):
        pass

    def clean(self, value):
        return unknown("a field of a form")

    def shown(self):
        return None
