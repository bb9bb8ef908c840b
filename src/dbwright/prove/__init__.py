"""A change tried on a throw-away copy: the workload before and after it, interleaved, with the interval of every figure.

`copies` makes the two databases (`filler` and its neighbours from statistics alone), `draws` the parameters, `running` runs one statement
once, `measuring` all of them on both sides, `writes` what writing costs, `changes` says what is tried and `proving` does it all.
"""
