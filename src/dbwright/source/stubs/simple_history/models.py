class HistoricalRecords:
    def __init__(self, **options):
        self.options = options
