"""What each annotator's labels say about how they work. Suggestions to look, never exclusions.

sides         position bias of everybody and of each
content       length and format bias
straight      one answer nearly always, or over and over
speed         answers faster than reading
changes       drift over days and fatigue within a session (CUSUM)
reliability   hidden repeats
similarity    pairs who share rare answers or reasons
gathering     all of it on one page an annotator
impact        what leaving annotators out would do
crowd         whether agreeing with the majority is agreeing with experts
"""

from workbench.stats.annotators.changes import Chart, cusum, drift_charts
from workbench.stats.annotators.content import ContentBias, content_bias
from workbench.stats.annotators.crowd import CrowdAgainstExperts, crowd_against_experts
from workbench.stats.annotators.gathering import page, pages
from workbench.stats.annotators.impact import Change, FilterImpact, filter_impact
from workbench.stats.annotators.reliability import Repeats, repeats, self_agreement
from workbench.stats.annotators.sides import Side, SideBias, p_left, side_bias
from workbench.stats.annotators.similarity import Similarity, similar_pairs
from workbench.stats.annotators.speed import too_fast
from workbench.stats.annotators.straight import StraightLining, straight_lining
from workbench.stats.annotators.suggestions import AnnotatorPage
from workbench.stats.annotators.summary import AnnotatorSummary, summarise

__all__ = [
    "AnnotatorPage",
    "AnnotatorSummary",
    "Change",
    "Chart",
    "ContentBias",
    "CrowdAgainstExperts",
    "FilterImpact",
    "Repeats",
    "Side",
    "SideBias",
    "Similarity",
    "StraightLining",
    "content_bias",
    "crowd_against_experts",
    "cusum",
    "drift_charts",
    "filter_impact",
    "p_left",
    "page",
    "pages",
    "repeats",
    "self_agreement",
    "side_bias",
    "similar_pairs",
    "straight_lining",
    "summarise",
    "too_fast",
]
