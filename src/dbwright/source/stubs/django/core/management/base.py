class BaseCommand:
    entry_points = ("handle",)

    def handle(self, *args, **options):
        return None

    def add_arguments(self, parser):
        return None


class AppCommand(BaseCommand):
    def handle(self, *app_labels, **options):
        return None


class LabelCommand(BaseCommand):
    def handle(self, *labels, **options):
        for label in labels:
            self.handle_label(label, **options)
