"""The README's table of calls says what the tables of the program say. Usage: readme_test.py ROOT"""

import pathlib
import re
import sys
import unittest


def calls_of_readme(text):
    """{(service, method): is served}."""
    result = {}
    for row in re.findall(r"^\| `([\w.]+)` \|(.*)\|(.*)\|$", text, re.MULTILINE):
        for cell, served in ((row[1], True), (row[2], False)):
            for name in re.findall(r"`([A-Z][A-Za-z]+)`", cell):
                result[row[0], name] = served
    return result


def calls_of_program():
    """The same, from the table of methods and that of what the service does with each."""
    shapes = re.findall(r'\{rpc_method::(\w+),\s*"([\w.]+)",\s*"(\w+)"', (ROOT / "messages/rpc_method.cpp").read_text())
    paths = dict(re.findall(r"\{rpc_method::(\w+),\s*rpc_path::(\w+)",
                            (ROOT / "actors/service/rpc_table.cpp").read_text()))
    return {(service, name): paths[method] != "unimplemented" for method, service, name in shapes}


class Readme(unittest.TestCase):
    def test_every_call_has_its_true_status(self):
        program = calls_of_program()
        self.assertGreater(len(program), 45)
        self.assertEqual(calls_of_readme((ROOT / "README.md").read_text()), program)

    def test_every_package_is_named_once(self):
        names = (ROOT / "deploy/packages.txt").read_text().split()
        self.assertEqual(names, sorted(set(names)))


if __name__ == "__main__":
    ROOT = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
