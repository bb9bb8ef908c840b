"""A PostgreSQL that plans as production does and holds no row.

    with Phantom.of(snapshot) as phantom:
        phantom.session().plan("select …")

`schema` makes the catalog again, `figures` writes sizes and statistics, `files` the pages that the planner reads, `session` plans.
"""

from dbwright.model.query_plan import Plan
from dbwright.phantom.server import Phantom
from dbwright.phantom.session import PlanFailed, Session
from dbwright.phantom.whatif import WhatIf, WhatIfIndex

__all__ = ["Phantom", "Plan", "PlanFailed", "Session", "WhatIf", "WhatIfIndex"]
