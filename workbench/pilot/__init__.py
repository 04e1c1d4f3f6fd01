"""A pilot: one folder bound to one store. What a notebook opens.

`opening` is the object itself, `build` makes items and simulated labels, `results` and `views` are what its methods
return and how that shows itself. Nothing is computed here that an island could compute.
"""

from workbench.pilot.opening import Pilot, new_pilot, open_pilot
from workbench.pilot.views import show

__all__ = ["Pilot", "new_pilot", "open_pilot", "show"]
