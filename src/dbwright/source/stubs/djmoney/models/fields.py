from django.db import models


class CurrencyField(models.CharField):
    def __init__(self, *args, price_field=None, **kwargs):
        kwargs.setdefault("max_length", 3)
        super().__init__(*args, **kwargs)


class MoneyField(models.DecimalField):
    def __init__(self, *args, **kwargs):
        self.default_currency = kwargs.pop("default_currency", "XYZ")
        self.currency_max_length = kwargs.pop("currency_max_length", 3)
        self.currency_choices = kwargs.pop("currency_choices", None)
        self.currency_field_name = kwargs.pop("currency_field_name", None)
        kwargs.pop("money_descriptor_class", None)
        self.may_be_null = kwargs.get("null", False)
        super().__init__(*args, **kwargs)

    def contribute_to_class(self, cls, name):
        currency = CurrencyField(
            max_length=self.currency_max_length, default=self.default_currency, editable=False, null=self.may_be_null
        )
        cls.add_to_class(self.currency_field_name or f"{name}_currency", currency)
        super().contribute_to_class(cls, name)
