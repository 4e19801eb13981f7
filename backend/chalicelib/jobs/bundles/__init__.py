"""What an order takes with it to a worker far away: its code and commands, its environment, and its links.

`package` may be called when a job is submitted, so that what is wrong is told at once; `deliver` packs what nobody has.
"""

from chalicelib.jobs.bundles.delivering import deliver
from chalicelib.jobs.bundles.packaging import package

__all__ = ["deliver", "package"]
