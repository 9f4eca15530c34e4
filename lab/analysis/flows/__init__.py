"""A recording laid out for judging, and each flow in it followed from what was pushed to what was heard.

Law: nothing is counted yet and nobody charged; a piece that is missing is an error that names it.
"""
