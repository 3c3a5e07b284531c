from __future__ import annotations

from specialists.foundation import telemetry


def test_names_are_unique_and_in_a_known_space() -> None:
    names = [v for k, v in vars(telemetry).items() if k.isupper()]
    assert len(names) == len(set(names))
    bare = {telemetry.CHAT, telemetry.EXECUTE_TOOL, telemetry.INVOKE_AGENT, telemetry.ERROR_TYPE}
    for name in set(names) - bare:
        assert name.startswith(("gen_ai.", "finroute.")), name
