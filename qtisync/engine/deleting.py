"""The deletes of a daemon: after a pass, if the API does not refuse them. What refuses them halts them, not the queue.

Deleting may need a right that writing does not: pushes go on while it is refused, and a person sees the halt anyway.
"""

from __future__ import annotations

from qtisync.delivery.log_words import for_log
from qtisync.engine.cycle import Bench, sweep
from qtisync.engine.halting import Halt, halted_for
from qtisync.engine.outbox import Outbox
from qtisync.engine.reconcile import Prepared
from qtisync.engine.sweep import Swept, Verdict
from qtisync.engine.valve import Valve


class Deleting:
    """Only the thread of the passes calls ``after``; others read ``halt`` and may ``resume``."""

    def __init__(self, bench: Bench, valve: Valve, outbox: Outbox) -> None:
        self._bench, self._valve, self._outbox = bench, valve, outbox
        self._halts = 0
        self.halt: Halt | None = None

    def after(self, prepared: Prepared) -> int:
        """Delete what the plan says, which was written down; how many calls that took."""
        if not prepared.plan.removals:
            self.resume()
            return 0
        halt = self.halt
        if self._valve.stopped or self._outbox.halt is not None:
            return 0
        if halt is not None and self._bench.clock.now() < halt.until:
            return 0
        swept = sweep(self._bench, prepared, may_go_on=lambda: not self._valve.stopped)
        if swept.reason:
            self._halted(swept)
        elif swept.calls:
            self.resume()
        return swept.calls

    def resume(self) -> None:
        """What halted it is mended, or nothing is to be deleted any more."""
        self.halt, self._halts = None, 0

    def _halted(self, swept: Swept) -> None:
        clock, gone = self._bench.clock, swept.verdict is not Verdict.HALTED
        pause = halted_for(self._halts, gone=gone, jitter=clock.jitter())
        self._halts += 1
        self.halt = Halt(
            reason=f"deleting: {swept.reason}",
            until=clock.now() + pause,
            unavailable=gone,
            cause="unavailable" if gone else "wrong-api" if swept.wrong_api else "credentials",
        )
        self._bench.log("queue_halted", reason=for_log(self.halt.reason), retry_in=round(pause))
