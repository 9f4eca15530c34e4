"""The crew on other machines: orders that a scheduler carries to workers, and runs that come back as verified folders.

Law: only `scheduler` and `worker` know Dask, which is an extra; nobody else may need it to be installed.
"""
