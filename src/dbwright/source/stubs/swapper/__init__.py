"""Models that a project may put its own in place of, as swapper names them."""

from django.apps import apps


def get_model_name(app_label, model):
    return app_label + "." + model


def load_model(app_label, model, required=True, require_ready=True):
    return apps.get_model(app_label, model)
