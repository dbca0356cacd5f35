"""When a latency factor is met, missed or within the noise."""

import unittest

from pairs import Factor, measure


class Verdict(unittest.TestCase):
    def test_a_quiet_machine_decides(self):
        self.assertEqual(Factor([1.1, 1.2, 9.0], [1.0, 1.05]).verdict(1.3), "met")
        self.assertEqual(Factor([1.1, 1.4, 1.5], [1.0, 1.05]).verdict(1.3), "missed")
        self.assertEqual(Factor([1.3], [1.3]).verdict(1.3), "met")

    def test_noise_above_the_bound_decides_nothing_within_itself(self):
        self.assertEqual(Factor([1.2], [1.5]).verdict(1.3), "not distinguishable")
        self.assertEqual(Factor([1.4], [1.5]).verdict(1.3), "not distinguishable")

    def test_noise_hides_no_factor_beyond_it(self):
        self.assertEqual(Factor([3.0], [1.5]).verdict(1.3), "missed")

    def test_spread_counts_both_directions(self):
        self.assertAlmostEqual(Factor([1.0], [1.1, 0.5]).spread, 2.0)


class Order(unittest.TestCase):
    def test_pairs_alternate(self):
        calls = []

        def step(name, latency):
            return lambda: calls.append(name) or latency

        factor = measure(step("a", 2.0), step("b", 3.0), pairs=3)
        self.assertEqual("".join(calls), "abaaababa")
        self.assertEqual(factor, Factor([1.5] * 3, [1.0] * 3))
        self.assertIn("factor 1.50 (A/B pairs 1.50 1.50 1.50; A/A pairs 1.00", str(factor))


if __name__ == "__main__":
    unittest.main()
