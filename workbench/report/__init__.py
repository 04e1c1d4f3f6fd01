"""One offline HTML page out of one dictionary: every number with its interval, counts and where it is from."""

from workbench.report.render import render, write

__all__ = ["render", "write"]
