class SqlalchemyOrmPage:
    def __init__(self, collection, page=1, items_per_page=20, item_count=None, db_session=None, **options):
        self.item_count = item_count
        if item_count is None:
            self.item_count = collection.count()
        self.items = collection.limit(items_per_page).offset(page).all()

    def __iter__(self):
        return self.items

    def __getitem__(self, index):
        return self.items[index]

    def __len__(self):
        return len(self.items)


SqlalchemySelectPage = SqlalchemyOrmPage
