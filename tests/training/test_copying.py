"""Copying exercises: what is asked stands in what is shown, in one place."""

import json
import re

from training import copying

HANDLE = re.compile(r"<\w\d+>")


def test_replies_are_to_be_found_by_place() -> None:
    for _, shown, reply in copying.dialogues(200, 3):
        lines = shown.content.splitlines()
        said = HANDLE.findall(reply.content)
        assert said
        if reply.content.startswith("get"):
            assert said == HANDLE.findall(shown.content)
        elif len(lines) > 1:
            asked = lines[0].removesuffix(" ?")
            groups = asked.split(" and ") if "program" in reply.content else [asked]
            for group, number in zip(groups, said, strict=True):
                held = [x for x in lines[1:] if {*HANDLE.findall(group)} <= {*x.split()}]
                assert [x.split()[-1] for x in held] == [number]
        else:
            word = lines[0].split(" ; ")[1].removesuffix(" ?")
            assert f"{word} {json.loads(reply.content)['value']}" in lines[0]


def test_they_follow_the_seed() -> None:
    assert list(copying.dialogues(20, 3)) == list(copying.dialogues(20, 3))
    assert list(copying.dialogues(20, 3)) != list(copying.dialogues(20, 4))
