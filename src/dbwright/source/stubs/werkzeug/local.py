"""A proxy is what it stands for."""


def LocalProxy(local, name=None, unbound_message=None):
    return local()
