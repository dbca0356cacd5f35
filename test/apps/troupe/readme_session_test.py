"""Runs the console session of the README, as written, against a node of its own and compares what is shown.

Usage: readme_session_test.py PROGRAM README
A command that the README shows no output of must succeed; its output differs from run to run.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "support"))
from server_process import Server  # noqa: E402

README = pathlib.Path(sys.argv.pop(2))
PROGRAM = os.path.abspath(sys.argv.pop(1))


def session(text):
    """[(command, shown output)] of the ```console block; a command may go on in a here-document."""
    lines = re.search(r"```console\n(.*?)```", text, re.DOTALL)[1].splitlines()
    result = []
    while lines:
        command = [lines.pop(0).removeprefix("$ ")]
        if "<<'EOF'" in command[0]:
            while command[-1] != "EOF":
                command.append(lines.pop(0))
        shown = []
        while lines and not lines[0].startswith("$ "):
            shown.append(lines.pop(0))
        result.append(("\n".join(command), "\n".join(shown)))
    return result


class Session(unittest.TestCase):
    def test_the_session_of_the_readme(self):
        steps = session(README.read_text())
        self.assertGreater(len(steps), 5)
        with tempfile.TemporaryDirectory() as directory, Server(PROGRAM, directory) as server:
            for command, shown in steps:
                done = subprocess.run(["/bin/sh", "-c", command.replace("127.0.0.1:2379", server.address)],
                                      env={**os.environ, "ETCDCTL_API": "3", "ETCDCTL_ENDPOINTS": server.address},
                                      capture_output=True, text=True, timeout=30, check=False)
                self.assertEqual(done.returncode, 0, f"{command}\n{done.stderr}\n{server.log_tail()}")
                if shown:
                    self.assertEqual(done.stdout.rstrip("\n"), shown, command)


if __name__ == "__main__":
    unittest.main()
