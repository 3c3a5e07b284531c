"""The fleet over real vLLM servers: adapters loaded, attested, swapped, restored; every fault that
makes a server serve the wrong thing is injected for real, and refused with its reason."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from specialists.agent import answer_one
from specialists.attestation import NumberFormat
from specialists.engines.vllm import VllmServer, VllmSettings
from specialists.fleet import FleetSettings, Wanted
from specialists.foundation.contracts import Message, Sampling
from specialists.foundation.errors import AdapterError
from specialists.sentiment.render import SentimentInputs
from specialists.served import Served, served_name
from specialists.serving import MEASURING

ASK = [Message(role="user", content="<e1> pledges help to schools")]
WAIT_S = 600.0


@pytest.fixture
async def staff(weights: Path, number_format: NumberFormat) -> AsyncIterator[Callable[..., Served]]:
    made: list[Served] = []

    def make(*servers: VllmServer, **settings: Any) -> Served:
        urls = tuple(f"{server.url}/v1" for server in servers)
        usual: dict[str, Any] = {"format": number_format, "watch_s": 0.2}
        usual |= {"start_s": WAIT_S, "timeout_s": WAIT_S, "retire_s": 0.0}
        told = FleetSettings(urls=urls, **{**usual, **settings})
        made.append(Served(told, weights, serving=MEASURING))
        return made[-1]

    yield make
    for each in made:
        await each.aclose()


async def until(true: Callable[[], bool], seconds: float = WAIT_S) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.05)


async def up(served: Served) -> None:
    """Wait until every replica is through."""
    await served.specialist("sentiment").ready()
    await until(lambda: all(each.state == "up" for each in served.replicas()))


async def test_the_five_adapters_are_attested_and_answer(
    server: VllmServer, staff: Callable[..., Served], served_adapters: dict[str, Path]
) -> None:
    served = staff(server)
    await up(served)
    assert {e.attestation for e in served.list()} == {"attested"}
    (replica,) = served.replicas()
    assert {each.adapter for each in replica.adapters} == set(served_adapters)
    asked = SentimentInputs(text="Acme Corp raises its full-year outlook", entity="Acme Corp")
    done = await answer_one(served.specialist("sentiment"), asked)
    assert done.outcome.error == ""
    assert done.completions[0].adapter == served.specialist("sentiment").adapter


async def test_an_adapter_is_loaded_swapped_and_unloaded_while_others_answer(
    server: VllmServer,
    staff: Callable[..., Served],
    weights: Path,
    renamed: Callable[[Path], str],
    tmp_path: Path,
) -> None:
    served = staff(server)
    await up(served)
    old = served.specialist("sentiment").adapter
    assert old is not None
    other = served.specialist("extraction").adapter
    new = Path(shutil.copytree(weights / "sentiment", tmp_path / "sentiment"))
    renamed(new)
    asking = asyncio.create_task(busy(served, other))
    await served.swap("sentiment", new)
    fresh = served.specialist("sentiment").adapter
    assert fresh is not None
    assert fresh != old
    said = await served.fleet.pool.chat(ASK, adapter=fresh, sampling=Sampling(max_tokens=4))
    assert said.adapter == fresh
    (replica,) = served.replicas()
    (resident,) = [each for each in replica.adapters if each.adapter == fresh]
    assert resident.state == "attested"
    assert resident.load_s is not None
    engine: Any = served.fleet.pool.replicas[0].engine
    await until(lambda: old not in served.fleet.pool.replicas[0].adapters)
    assert old not in await engine.models()
    assert await asking > 0
    await put_back(served, weights)
    assert served.specialist("sentiment").adapter == old


async def put_back(served: Served, weights: Path) -> None:
    """Make the server as it was, for whoever comes next."""
    fresh = served.specialist("sentiment").adapter
    await served.swap("sentiment", weights / "sentiment")
    engine: Any = served.fleet.pool.replicas[0].engine
    end = time.monotonic() + WAIT_S
    while fresh in await engine.models():
        assert time.monotonic() < end, f"{fresh} is still there"
        await asyncio.sleep(0.05)


async def busy(served: Served, adapter: str | None) -> int:
    """Ask for a while; every call must be answered."""
    end = time.monotonic() + 3
    count = 0
    while time.monotonic() < end:
        await served.fleet.pool.chat(ASK, adapter=adapter, sampling=Sampling(max_tokens=4))
        count += 1
    return count


# --- adapters that are not what they should be --------------------------------------------------


async def refused(served: Served, wanted: Wanted, match: str) -> None:
    before = served.fleet.adapter(wanted.specialist)
    with pytest.raises(AdapterError, match=match):
        await served.fleet.swap(wanted)
    assert served.fleet.adapter(wanted.specialist) == before
    engine: Any = served.fleet.pool.replicas[0].engine
    assert wanted.name not in await engine.models()
    assert all(each.state == "up" for each in served.replicas())


async def test_adapters_that_are_wrong_are_refused(
    server: VllmServer,
    staff: Callable[..., Served],
    weights: Path,
    tmp_path: Path,
    idle: Callable[[Path], Path],
) -> None:
    served = staff(server)
    await up(served)
    canary = served.adapters["sentiment"].canary
    name = served_name("sentiment", "0" * 64)
    nothing = Wanted("sentiment", name, str(idle(weights / "sentiment")), canary)
    await refused(served, nothing, "does not act on the base")
    another = Wanted("sentiment", name, str(weights / "planning"), canary)
    await refused(served, another, "other log-probabilities than when it was made")
    torn = Path(shutil.copytree(weights / "sentiment", tmp_path / "torn"))
    with (torn / "adapter_model.safetensors").open("r+b") as file:
        file.truncate(1000)
    await refused(served, Wanted("sentiment", name, str(torn), canary), "sentiment@000000000000")
    gone = Wanted("sentiment", name, str(tmp_path / "nowhere"), canary)
    await refused(served, gone, "sentiment@000000000000")
    await served.specialist("sentiment").ready()  # the right one goes on


# --- servers that are not what they should be ---------------------------------------------------


def noisy(base: Path, out: Path) -> Path:
    import torch
    from transformers import Qwen3ForCausalLM

    shutil.copytree(base, out)
    model = Qwen3ForCausalLM.from_pretrained(base)
    torch.manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * parameter.std() * 0.3)
    model.save_pretrained(out)
    return out


def other_template(base: Path, out: Path) -> Path:
    shutil.copytree(base, out)
    template = out / "chat_template.jinja"
    told = template.read_text("utf-8")
    assert "message.role + '\\n'" in told
    template.write_text(told.replace("message.role + '\\n'", "message.role + ':\\n'"))
    return out


@pytest.mark.parametrize(
    ("make", "settings", "match"),
    [
        pytest.param(noisy, {}, "is not the one it was made on", id="base"),
        pytest.param(other_template, {}, "another chat template or tokenizer", id="template"),
        pytest.param(None, {"dtype": "bfloat16"}, "shorter number format", id="dtype"),
        pytest.param(
            None,
            {"repair": False, "max_loras": 5},
            "lets adapters into requests that name none",
            id="polluted",
        ),
    ],
)
async def test_servers_that_are_wrong_are_refused(
    vllm_settings: VllmSettings,
    weights: Path,
    served_adapters: dict[str, Path],
    staff: Callable[..., Served],
    tmp_path: Path,
    make: Callable[[Path, Path], Path] | None,
    settings: dict[str, Any],
    match: str,
) -> None:
    if make is None and vllm_settings.device != "cpu":
        pytest.skip("a fault that a CPU alone can have")
    base = weights / "base" if make is None else make(weights / "base", tmp_path / "base")
    told = vllm_settings.model_copy(update=settings)
    async with AsyncExitStack() as stack:
        wrong = VllmServer(told, base, served_adapters, name="finroute-base", folder=tmp_path / "r")
        await stack.enter_async_context(wrong)
        served = staff(wrong)
        with suppress(AdapterError):
            await served.specialist("sentiment").ready()  # one by one, a polluted base looks well
        await until(lambda: served.replicas()[0].state == "refused")
        with pytest.raises(AdapterError, match=match):
            await served.specialist("sentiment").ready()
        assert match in served.replicas()[0].reason
        assert not served.fleet.pool.replicas[0].adapters
        assert not served.fleet.pool.replicas[0].base_ok


# --- coming and going ---------------------------------------------------------------------------


async def test_after_a_crash_adapters_are_restored_before_anything_is_asked(
    server: VllmServer,
    staff: Callable[..., Served],
    weights: Path,
    renamed: Callable[[Path], str],
    tmp_path: Path,
) -> None:
    served = staff(server)
    await up(served)
    new = Path(shutil.copytree(weights / "sentiment", tmp_path / "sentiment"))
    renamed(new)
    await served.swap("sentiment", new)  # the server was not started with this one
    fresh = served.specialist("sentiment").adapter
    await server.kill()
    await until(lambda: served.replicas()[0].state == "down")
    await server.start()
    await served.specialist("sentiment").ready()
    said = await served.fleet.pool.chat(ASK, adapter=fresh, sampling=Sampling(max_tokens=4))
    assert said.adapter == fresh
    await until(lambda: served.replicas()[0].state == "up")
    (replica,) = served.replicas()
    assert replica.joins == 2
    assert {each.state for each in replica.adapters} == {"attested"}
    await put_back(served, weights)
