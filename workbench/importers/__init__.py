"""Outside data to records: what can be read comes in, the rest is kept aside with line and reason.

Three shapes: `long_table` (one row a label, any column names), `pandalm` and `mtbench` (two public data sets).
`sniff` says which of them a file is. Ids are hashes of content wherever the source's own do not fit, so importing the
same file twice gives the same records and a store adds nothing.
"""

from workbench.importers.public import mtbench, pandalm
from workbench.importers.result import Imported
from workbench.importers.sniffing import sniff
from workbench.importers.table import long_table

__all__ = ["Imported", "long_table", "mtbench", "pandalm", "sniff"]
