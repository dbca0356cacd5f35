"""What is done to a cluster under load. Each function leaves it healed but for the network, which
its caller heals; `all_scenarios` has them by name.

Attributes: `relayed` (members hang on relays), `disk_megabytes` (a small disk for each),
`preload` (members run under libunsynced.so: programs that write through libc only), `long`,
`faults` (how many there are, if not one: each may cost terms).
"""

import itertools
import signal
import time

all_scenarios = {}


def scenario(**attributes):
    def register(function):
        for name, value in attributes.items():
            setattr(function, name, value)
        all_scenarios[function.__name__] = function
        return function

    return register


def elections(run, count):
    return count * run.settings.timing.election


def others(run, name):
    return [other for other in run.cluster.names if other != name]


@scenario()
def kill_leader(run):
    leader = run.cluster.leader()
    run.cluster[leader].kill()
    run.serves(others(run, leader), "without the leader")
    run.cluster.start([leader])


@scenario(long=True)
def kill_follower(run):
    follower = run.cluster.followers()[0]
    run.cluster[follower].kill()
    run.serves(others(run, follower), "without a follower")
    run.cluster.start([follower])


@scenario(long=True, faults=3)
def kill_all(run):
    for _ in range(3):
        run.cluster.kill(run.cluster.names)
        run.cluster.start(run.cluster.names)
        run.all_serve("after a restart of all")


@scenario()
def pause_leader(run):
    """Longer than it leads: when it goes on it must not answer as if it still led."""
    leader = run.cluster.leader()
    run.cluster[leader].signal(signal.SIGSTOP)
    try:
        run.serves(others(run, leader), "while the leader sleeps")
        time.sleep(elections(run, 1))
    finally:
        run.cluster[leader].signal(signal.SIGCONT)


@scenario(long=True, faults=8)
def pause_leaders_often(run):
    for _ in range(8):
        pause_leader(run)
        run.all_serve("awake again")


@scenario()
def isolate_leader(run):
    leader = run.cluster.leader()
    run.network.isolate(leader)
    run.serves(others(run, leader), "without the isolated leader")
    run.refuses(leader)


@scenario()
def isolate_follower(run):
    """It comes back without deposing anybody (pre-vote, checklist 9)."""
    leader, follower = run.cluster.leader(), run.cluster.followers()[0]
    term = run.cluster.term()
    run.network.isolate(follower)
    run.serves(others(run, follower), "without the isolated follower")
    run.refuses(follower, elections(run, 4))
    run.network.heal()
    run.all_serve("the follower is back")
    run.must(
        (run.cluster.leader(), run.cluster.term()) == (leader, term),
        f"a follower that came back changed leader {leader} or term {term}",
    )


@scenario()
def leader_hears_nothing(run):
    leader = run.cluster.leader()
    for other in others(run, leader):
        run.network.cut(other, leader)
    run.serves(others(run, leader), "without the deaf leader")


@scenario(long=True)
def leader_says_nothing(run):
    leader = run.cluster.leader()
    for other in others(run, leader):
        run.network.cut(leader, other)
    run.serves(others(run, leader), "without the mute leader")


@scenario()
def bridge(run):
    """The leader and one follower cannot reach each other; the third reaches both."""
    leader = run.cluster.leader()
    follower, bridging = others(run, leader)
    run.network.cut(leader, follower)
    run.network.cut(follower, leader)
    run.serves([leader, bridging], "through the bridge")
    term = run.cluster.term()
    time.sleep(elections(run, 4))
    run.must(run.cluster.term() <= term + 2, "no stable leader while one member is half cut off")


@scenario(long=True, faults=63)
def every_pattern(run):
    """All 63 sets of cut directions between three members."""
    links = list(itertools.permutations(run.cluster.names, 2))
    for count in range(1, len(links) + 1):
        for cuts in itertools.combinations(links, count):
            one_pattern(run, set(cuts))


def one_pattern(run, cuts):
    before = run.cluster.term()
    for source, target in sorted(cuts):
        run.network.cut(source, target)
    names = run.cluster.names
    pairs = [
        pair
        for pair in itertools.combinations(names, 2)
        if pair not in cuts and pair[::-1] not in cuts
    ]
    if pairs:  # some majority is fully connected
        run.serves(sorted({name for pair in pairs for name in pair}), "with a connected majority")
    else:
        time.sleep(elections(run, 2))
        for name in names:
            run.refuses(name, elections(run, 1))
    run.network.heal()
    run.all_serve("after a pattern")
    grown = run.cluster.term() - before
    run.note("terms of a pattern", grown)
    run.must(grown <= run.settings.max_terms, f"{sorted(cuts)} cost {grown} terms")


@scenario(long=True, faults=20)
def flapping(run):
    """Links come and go faster than elections."""
    leader = run.cluster.leader()
    for _ in range(20):
        run.network.isolate(leader)
        time.sleep(elections(run, 0.4))
        run.network.heal()
        time.sleep(elections(run, 0.4))


@scenario(relayed=True)
def slow_links(run):
    for name in run.cluster.names:
        run.network.slow(name, 10, 5, 0.02)
    run.serves(run.cluster.names, "over slow links")
    time.sleep(elections(run, 4))


@scenario(long=True, relayed=True)
def slow_leader(run):
    """A delay beyond the election timeout: another one leads."""
    leader = run.cluster.leader()
    run.network.slow(leader, 1000 * elections(run, 2), 20, 0.0)
    run.serves(others(run, leader), "without the slow leader")


@scenario(long=True, disk_megabytes=256)
def full_disk(run):
    """One member's disk fills; the others go on, and it comes back when there is room again."""
    full = run.cluster.leader()
    directory = run.cluster[full].directory
    filler = directory / "filler"
    with open(filler, "wb") as file:
        try:
            while True:
                file.write(bytes(1 << 16))
        except OSError:
            pass
    run.serves(others(run, full), "beside a full disk")
    time.sleep(elections(run, 4))
    filler.unlink()
    if not run.cluster[full].running:
        run.cluster.start([full])


@scenario(preload=True)
def power_cut(run):
    """Of all members at once; what was not synced goes."""
    for name in run.cluster.names:
        run.cluster[name].signal(signal.SIGUSR2)
    for name in run.cluster.names:
        run.cluster[name].wait_end()
    run.cluster.start(run.cluster.names)


@scenario(long=True, preload=True, faults=10)
def power_cuts(run):
    for _ in range(10):
        power_cut(run)
        run.all_serve("after a power cut")


@scenario(preload=True)
def failing_sync(run):
    """A member whose disk fails a sync ends; the others go on."""
    broken = run.cluster.leader()
    member = run.cluster[broken]
    member.kill()
    member.environment["UNSYNCED_FAIL"] = "sync:50+:EIO"
    member.start()
    run.serves(others(run, broken), "beside a failing disk")
    member.wait_end()
    del member.environment["UNSYNCED_FAIL"]
    run.cluster.start([broken])
