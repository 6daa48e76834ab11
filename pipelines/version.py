"""Which hubbub this is."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("hubbub")
except PackageNotFoundError:  # a checkout that was never installed
    VERSION = "0+checkout"
