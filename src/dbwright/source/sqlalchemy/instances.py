from dbwright.source.values import *
from dbwright.source.sqlalchemy.real import wrapped
def class_attribute(framework, model, name, at):
    half = framework.half_made(model.cls)
    if half is not None:
        try: return wrapped(getattr(half, name))
        except Exception: return None
    real = model.real
    if real is None: return None
    if name.startswith("__") and name not in ("__table__","__tablename__","__mapper__"): return None
    if name in real.__dict__ or any(name in b.__dict__ for b in real.__mro__):
        try: return wrapped(getattr(real, name))
        except Exception: return None
    return None
def new(framework, model, arguments, at): return Unknown("a new model", "row")
def typed(framework, model, at): return Unknown("a model", "row")
