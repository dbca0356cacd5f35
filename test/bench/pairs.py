"""Latency factors that know their own noise: A/B pairs in turn, and A/A pairs beside them."""

import statistics
from typing import NamedTuple


class Factor(NamedTuple):
    """`of_b`: the latencies of B over those of the A measured next to it, one per pair; `of_a`: the
    same where B was A again.
    """

    of_b: list
    of_a: list

    @property
    def median(self):
        return statistics.median(self.of_b)

    @property
    def spread(self):
        """The widest that A was from itself, as a factor of at least 1."""
        return max(max(ratio, 1 / ratio) for ratio in self.of_a)

    def verdict(self, bound):
        """ "met" or "missed"; "not distinguishable" where A is further from itself than the bound is
        from 1 and B is no further than that.
        """
        if self.spread <= bound:
            return "met" if self.median <= bound else "missed"
        return "not distinguishable" if self.median <= self.spread else "missed"

    def __str__(self):
        def ratios(values):
            return " ".join(f"{value:.2f}" for value in values)

        return (
            f"factor {self.median:.2f} (A/B pairs {ratios(self.of_b)}; "
            f"A/A pairs {ratios(self.of_a)}, spread {self.spread:.2f})"
        )


def measure(a, b, pairs=5):
    """Calls a() and b(), which return latencies, in turn: A B A for one pair of each kind, and
    every other time in the reverse order of B and the second A, so that a drift of the machine
    falls on both kinds.
    """
    of_b, of_a = [], []
    for number in range(pairs):
        first = a()
        for kind, of in ((b, of_b), (a, of_a))[:: 1 if number % 2 == 0 else -1]:
            of.append(kind() / first)
    return Factor(of_b, of_a)
