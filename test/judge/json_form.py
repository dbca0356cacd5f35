"""Requests as JSON in the many ways a gateway must accept, and in some that it must not."""

import base64
import json


class JsonForm:
    """Writes messages; each time chooses among the ways that every release accepts: names in
    snake_case or lowerCamelCase, 64-bit integers as strings or numbers, enums as names or numbers,
    unknown and null fields, with or without blanks. Bytes are spelled "standard", "url" or
    "unpadded".
    """

    def __init__(self, random):
        self._random = random

    def text(self, message, spelling="standard"):
        tree = self.tree(message, spelling)
        if self._random.random() < 0.1:
            tree["no_such_field"] = self._random.choice([1, "x", None, [1, {"a": 2}], {"b": []}])
        separators = self._random.choice([(",", ":"), (", ", ": "), (" ,\n", " :\t")])
        return json.dumps(tree, separators=separators)

    def tree(self, message, spelling="standard"):
        camel = self._random.random() < 0.3
        tree = {}
        for field, value in message.ListFields():
            name = field.json_name if camel else field.name
            if field.label == field.LABEL_REPEATED:
                tree[name] = [self._value(field, item, spelling) for item in value]
            else:
                tree[name] = self._value(field, value, spelling)
        return tree

    def _value(self, field, value, spelling):
        if field.message_type is not None:
            return self.tree(value, spelling)
        if field.enum_type is not None:
            known = field.enum_type.values_by_number.get(value)
            return known.name if known and self._random.random() < 0.6 else value
        if field.type == field.TYPE_BYTES:
            return encode_bytes(value, spelling)
        if field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64):
            return str(value) if self._random.random() < 0.5 else value
        return value


def encode_bytes(value, spelling):
    if spelling == "url":
        return base64.urlsafe_b64encode(value).decode()
    text = base64.b64encode(value).decode()
    return text.rstrip("=") if spelling == "unpadded" else text


def spoil(random, message_type, tree):
    """JSON text for `tree` that no release reads as that message."""
    field = random.choice(list(message_type.DESCRIPTOR.fields))
    name = field.name
    number = field.cpp_type in (field.CPPTYPE_INT64, field.CPPTYPE_UINT64)
    if field.label == field.LABEL_REPEATED:
        wrong = [{"a": 1}, "x", 5, True]
    elif field.message_type is not None:
        wrong = ["x", 5, True, []]
    elif field.enum_type is not None:
        wrong = ["NO_SUCH_NAME", True, {}, [1]]
    elif field.type == field.TYPE_BYTES:
        wrong = [5, True, "*", "YQ=", "Y", {}, ["YQ=="]]
    elif number:
        wrong = ["x", True, {}, [1], "1x", 2**64, str(2**64), "-9999999999999999999", 1.5, ""]
    else:
        wrong = ["x", 1, {}, []]
    broken = json.dumps({**tree, name: random.choice(wrong)})
    whole = json.dumps(tree)
    return random.choice(
        [
            broken,
            broken,
            broken,
            whole[: random.randint(1, len(whole) - 1)],
            random.choice(["[]", "5", '"x"', "true", "{", "}", "{]", "{'a':1}", "nul", "\x00"]),
            "x" + whole,
        ]
    )
