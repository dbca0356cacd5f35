"""A test in namespaces of its own: network, mounts and processes.

    namespaces.enter()      # first thing in main: runs the program again, inside

All that a test makes there (links, tmpfs, servers) ends with its first process, however that ends,
and no two tests see each other. Root is not needed where users may make namespaces.
"""

import os
import subprocess
import sys

INSIDE = "TROUPE_TEST_INSIDE_NAMESPACES"
SKIPPED = 77  # ctest: SKIP_RETURN_CODE


def _unshare():
    command = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return command if os.geteuid() == 0 else [*command, "--user", "--map-root-user"]


def _why_not():
    """Nothing if namespaces with links and mounts can be made here, else the reason."""
    try:
        probe = "mount -t tmpfs none /run && ip link add probe type veth peer name other"
        run = subprocess.run([*_unshare(), "sh", "-c", probe], capture_output=True, text=True)
    except FileNotFoundError as missing:
        return str(missing)
    return run.stderr.strip() if run.returncode else None


def enter():
    """Returns inside the namespaces, with an empty tmpfs at /run and `lo` up; ends the program
    with the inner one's status. Without namespaces: 1 under CI, else a skip that nobody
    overlooks.
    """
    if os.environ.pop(INSIDE, None):
        subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    if why := _why_not():
        in_ci = os.environ.get("CI", "") not in ("", "0", "false")
        print(f"{'FAILED' if in_ci else 'SKIPPED'}: no network namespaces here: {why}")
        sys.exit(1 if in_ci else SKIPPED)
    os.environ[INSIDE] = "1"
    command = [*_unshare(), sys.executable, "-B", *sys.argv]
    sys.stdout.flush()
    os.execvp(command[0], command)
