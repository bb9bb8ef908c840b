class ExtensionClass: pass
class ExtensionAdoption: pass
def library(framework, name): return None
