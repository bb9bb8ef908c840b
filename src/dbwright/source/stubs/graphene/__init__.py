from django.dbwright import made, option, request, resolvers, rows, selected


class Info:
    """What resolvers are given."""


class ObjectType:
    entry_points = ("resolved",)

    def resolved(self):
        model = option(option(self, "Meta"), "model")
        if model is not None:
            for row in selected(model):
                for resolver in resolvers(self):
                    for one in rows(resolver(row, made(Info, context=request()))):
                        pass
