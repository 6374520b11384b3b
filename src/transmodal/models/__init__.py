"""Models that come with the package, each under a name that stands wherever a run is translated with.

Comes in: a path, or a name such as `t1-to-fa-demo`. Goes out: the path of a file `.tmz`. Open first: `library`.
"""

MOST_BYTES = 3_000_000
"""Size that no model of the package reaches."""
