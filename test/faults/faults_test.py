#!/usr/bin/python3
"""Faults on a cluster of real processes, and a judge of what its clients were told.

Usage:
    faults_test.py --server /usr/bin/etcd --server-flag=--pre-vote --checker .../check_history
    faults_test.py --server troupe --checker ... --preload .../libunsynced.so --long
    faults_test.py ... --scenario bridge --scenario kill_leader --keep /tmp/found

Each scenario runs on a
fresh three-member cluster, each member in a network namespace of its own, under mixed load with
leases and watches. Afterwards every member must serve within bounds, terms must not have run away,
all members hold the same, the history is linearizable, no lease ended early and no watch missed
anything. Exit status: 0 kept, 1 a promise was broken, 77 no namespaces here (1 under CI).
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import namespaces


def parse_arguments(scenarios):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", required=True, help="program; takes etcd's flags")
    parser.add_argument("--server-flag", action="append", default=[], help="one more flag for it")
    parser.add_argument("--checker", required=True, help="the program check_history")
    parser.add_argument("--preload", help="libunsynced.so; without it no power is cut")
    parser.add_argument("--scenario", action="append", choices=sorted(scenarios))
    parser.add_argument("--long", action="store_true", help="all scenarios, not only the short")
    parser.add_argument("--members", type=int, default=3, help="kill_all and power_cut do with 1")
    parser.add_argument("--heartbeat-ms", type=int, default=50)
    parser.add_argument("--election-ms", type=int, default=500)
    parser.add_argument("--within", type=float, default=2, help="election timeouts")
    parser.add_argument("--all-within", type=float, default=8, help="election timeouts")
    parser.add_argument("--max-terms", type=int, default=4, help="for each fault")
    parser.add_argument("--ttl-flaw", action="store_true", help="tolerate etcd 3.4's, see Settings")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", help="directory for history and logs of what failed")
    return parser.parse_args()


def chosen(arguments, scenarios):
    if arguments.scenario:
        return arguments.scenario
    return [
        name
        for name, function in scenarios.items()
        if (arguments.long or not getattr(function, "long", False))
        and (arguments.preload or not getattr(function, "preload", False))
    ]


def main():
    from scenarios import all_scenarios

    arguments = parse_arguments(all_scenarios)
    namespaces.enter()
    from cluster import Timing
    from etcd_api import EtcdApi
    from fault_run import BrokenPromise, FaultRun, Settings
    from server_process import ServerFailed

    settings = Settings(
        server=[arguments.server, *arguments.server_flag],
        checker=arguments.checker,
        timing=Timing(arguments.heartbeat_ms, arguments.election_ms),
        within=arguments.within,
        all_within=arguments.all_within,
        max_terms=arguments.max_terms,
        preload=arguments.preload,
        ttl_flaw=arguments.ttl_flaw,
        seed=arguments.seed,
    )
    api, failed = EtcdApi(), []
    for name in chosen(arguments, all_scenarios):
        began = time.monotonic()
        run = FaultRun(api, settings, [f"m{n}" for n in range(1, arguments.members + 1)])
        try:
            run.execute(all_scenarios[name], keep=arguments.keep)
            result = "kept"
        except (BrokenPromise, ServerFailed) as broken:
            failed.append(name)
            result = f"{type(broken).__name__}: {broken}"
        seconds = time.monotonic() - began
        print(f"{name}: {seconds:.1f} s: {run.figures_text()}: {result}", flush=True)
    if failed:
        print(f"FAILED: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
