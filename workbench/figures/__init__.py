"""Finished numbers in, plotly figures out. Nothing here computes a statistic.

agreement     forest plot of estimates with verdicts; pairwise agreement between annotators
disagreement  votes on the most disputed items
cost          what a run's cost is made of
training      curves of a run; base model against adapter
theme         the one template, its colours and marks
"""
