"""What one tenant, and one user of it, can do.

`parts` is what a platform has built; `principal` who acts, and what that allows; `wiring` makes from the two what one
principal needs; `asking` and `facade` are the door to it, for server, command line, notebooks and evals.
"""

from aura.workspace.facade import Workspace
from aura.workspace.parts import Parts
from aura.workspace.principal import Principal

__all__ = ["Parts", "Principal", "Workspace"]
