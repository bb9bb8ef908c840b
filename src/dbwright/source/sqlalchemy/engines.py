from dbwright.source.values import *
def library(framework, name): return None
