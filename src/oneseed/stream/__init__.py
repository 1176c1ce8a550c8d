"""Stream v1: from an address and an element's index to a random value, bit for bit.

The modules follow the way of a value: `paths` turns a name into a stream number, `philox` makes the
words, `quantile` makes a word into a normal sample, `affine` scales it, and `sample` joins the steps
for each distribution. Every function works on the arrays of any framework whose unsigned integers
know the Python operators, and asks an `Arrays` object for the few operations that have none.
"""
