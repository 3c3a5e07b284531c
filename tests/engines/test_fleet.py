"""The fleet over real HTTP servers that speak as vLLM does: what is served was attested there."""

from __future__ import annotations

import asyncio
import shutil
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from specialists.agent import answer_one
from specialists.attestation import Canary
from specialists.engines.local import LocalEngine
from specialists.fleet import FleetSettings, Wanted
from specialists.foundation.calls import calling
from specialists.foundation.contracts import Message, Sampling
from specialists.foundation.errors import AdapterError, ConfigError, RecordError, Unavailable
from specialists.foundation.records import CANARY, Manifest
from specialists.registry import MANIFEST
from specialists.sentiment.render import SentimentInputs
from specialists.served import Served, served_name
from specialists.serving import MEASURING

ASK = [Message(role="user", content="net up 12 %?")]
SOON = {"watch_s": 0.05, "start_s": 60.0, "retire_s": 0.0}


class Park:
    """Servers of a test: each a real uvicorn over a real engine, at an address of its own."""

    def __init__(self, app: Callable[..., Any], serve: Callable[..., Any]) -> None:
        self._app, self._serve = app, serve
        self._stacks: dict[str, ExitStack] = {}
        self.engines: dict[str, LocalEngine] = {}

    def open(
        self,
        engine: LocalEngine,
        wrap: Callable[[Any], Any] = lambda app: app,
        *,
        port: int = 0,
    ) -> str:
        """Serve an engine; its URL with ``/v1``."""
        stack = ExitStack()
        root = stack.enter_context(self._serve(wrap(self._app(engine, [])), port=port))
        url = f"{root}/v1"
        self._stacks[url], self.engines[url] = stack, engine
        return url

    def close(self, url: str) -> None:
        """As if the machine had gone."""
        self._stacks.pop(url).close()

    def close_all(self) -> None:
        for url in list(self._stacks):
            self.close(url)


@pytest.fixture
def park(vllm_app: Callable[..., Any], serve: Callable[..., Any]) -> Iterator[Park]:
    park = Park(vllm_app, serve)
    yield park
    park.close_all()


@pytest.fixture
async def staff(weights: Path) -> AsyncIterator[Callable[..., Served]]:
    made: list[Served] = []

    def make(*urls: str, **settings: Any) -> Served:
        told = FleetSettings(urls=urls, **{**SOON, **settings})
        made.append(Served(told, weights, serving=MEASURING))
        return made[-1]

    yield make
    for each in made:
        await each.aclose()


def bare(weights: Path, **options: Any) -> LocalEngine:
    """The base with no adapter loaded."""
    return LocalEngine.load(weights / "base", **options)


def name_of(weights: Path, specialist: str) -> str:
    return served_name(specialist, Manifest.read(weights / MANIFEST).adapters[specialist].digest)


async def until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about"
        await asyncio.sleep(0.02)


# --- joining ------------------------------------------------------------------------------------


async def test_adapters_are_loaded_by_digest_attested_and_then_asked(
    weights: Path, park: Park, staff: Callable[..., Served]
) -> None:
    served = staff(park.open(bare(weights)))
    assert {e.attestation for e in served.list()} == {"pending"}
    sentiment = served.specialist("sentiment")
    assert sentiment.adapter == name_of(weights, "sentiment")
    done = await answer_one(sentiment, SentimentInputs(text="net up", entity=""))
    assert done.completions[0].adapter == sentiment.adapter
    assert (
        sentiment.served_by.adapter
        == Manifest.read(weights / MANIFEST).adapters["sentiment"].digest
    )
    await served.specialist("extraction").ready()
    await until(lambda: served.replicas()[0].state == "up")
    assert {e.attestation for e in served.list()} == {"attested"}
    (replica,) = served.replicas()
    assert replica.joins == 1
    assert [r.adapter for r in replica.adapters] == sorted(
        name_of(weights, name) for name in ("sentiment", "extraction")
    )
    assert all(r.load_s is not None and r.load_s > 0 for r in replica.adapters)
    assert all(r.attest_s is not None and r.attest_s > 0 for r in replica.adapters)


async def test_the_pool_says_what_the_engine_in_process_says(
    weights: Path, park: Park, staff: Callable[..., Served]
) -> None:
    served = staff(park.open(bare(weights)), park.open(bare(weights)))
    await served.specialist("sentiment").ready()
    await until(lambda: all(r.state == "up" for r in served.replicas()))
    here = LocalEngine.load(weights / "base", adapters={"sentiment": weights / "sentiment"})
    short = Sampling(max_tokens=12)
    names = {None: None, "sentiment": name_of(weights, "sentiment")}
    for local, remote in names.items():
        ours = await here.chat(ASK, adapter=local, sampling=short, logprobs=True)
        theirs = await served.fleet.pool.chat(ASK, adapter=remote, sampling=short, logprobs=True)
        assert theirs.message == ours.message
        assert [t.logprob for t in theirs.logprobs] == pytest.approx(
            [t.logprob for t in ours.logprobs], abs=1e-3
        )
    await here.aclose()


async def test_a_headless_name_leads_to_its_replicas(
    weights: Path, park: Park, staff: Callable[..., Served]
) -> None:
    port = park.open(bare(weights)).rpartition(":")[2].partition("/")[0]
    served = staff(discover=f"localhost:{port}")
    await served.specialist("sentiment").ready()
    up = [r.url for r in served.replicas() if r.adapters]
    assert up == [f"http://127.0.0.1:{port}/v1"]


async def test_behind_one_balanced_url_nothing_counts_as_attested(
    weights: Path, park: Park, staff: Callable[..., Served]
) -> None:
    loaded = {f"tiny:{name_of(weights, 'sentiment')}": weights / "sentiment"}
    served = staff(park.open(bare(weights, adapters=loaded)), balanced=True, prefix="tiny:")
    await served.specialist("sentiment").ready()
    with pytest.raises(AdapterError, match="do not serve tiny:extraction@"):
        await served.specialist("extraction").ready()
    told = {e.name: e.attestation for e in served.list()}
    assert told == {"sentiment": "unattested", "extraction": "refused"}


# --- what is refused ----------------------------------------------------------------------------


async def test_an_adapter_that_does_not_act_is_refused_and_the_others_go_on(
    weights: Path, park: Park, staff: Callable[..., Served], idle: Callable[[Path], Path]
) -> None:
    loaded = {name_of(weights, "sentiment"): idle(weights / "sentiment")}
    served = staff(park.open(bare(weights, adapters=loaded)))
    with pytest.raises(AdapterError, match="does not act on the base"):
        await served.specialist("sentiment").ready()
    await served.specialist("extraction").ready()
    told = {e.name: e.attestation for e in served.list()}
    assert told == {"sentiment": "refused", "extraction": "attested"}


async def test_another_adapter_under_the_name_is_refused(
    weights: Path, park: Park, staff: Callable[..., Served]
) -> None:
    loaded = {name_of(weights, "sentiment"): weights / "extraction"}
    served = staff(park.open(bare(weights, adapters=loaded)))
    with pytest.raises(AdapterError, match="other log-probabilities than when it was made"):
        await served.specialist("sentiment").ready()


async def test_another_base_is_refused_whole(
    weights: Path,
    park: Park,
    staff: Callable[..., Served],
    another_base: Callable[[Path], Path],
) -> None:
    served = staff(park.open(LocalEngine.load(another_base(weights / "base"), name="tiny")))
    with pytest.raises(AdapterError, match="is not the one it was made on"):
        await served.specialist("sentiment").ready()
    await until(lambda: served.replicas()[0].state == "refused")
    with pytest.raises(Unavailable, match=r"not attested|down"):
        await served.fleet.pool.chat(ASK)


async def test_another_template_is_refused(
    weights: Path, park: Park, staff: Callable[..., Served]
) -> None:
    other = (
        "{% for m in messages %}{{ '<|im_start|>' ~ m.role ~ ': ' ~ m.content ~ '<|im_end|>\\n' }}"
        "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    )
    served = staff(park.open(bare(weights, template=other)))
    with pytest.raises(AdapterError, match="another chat template or tokenizer"):
        await served.specialist("sentiment").ready()


async def test_another_number_format_is_refused(
    weights: Path, park: Park, staff: Callable[..., Served]
) -> None:
    url = park.open(bare(weights, dtype="bfloat16"))
    strict = staff(url)
    with pytest.raises(AdapterError, match="shorter number format than float32"):
        await strict.specialist("sentiment").ready()
    await staff(url, format="bfloat16").specialist("sentiment").ready()


async def test_a_server_that_lets_adapters_into_the_bases_requests_is_refused(
    weights: Path, park: Park, staff: Callable[..., Served]
) -> None:
    """As vLLM 0.32 on a CPU does it: who shares a batch with an adapter gets its answers."""
    served = staff(park.open(bare(weights), lambda app: Mixing(app, "tiny")))
    sentiment = served.specialist("sentiment")
    await until_refused(served, sentiment.ready)
    (replica,) = served.replicas()
    assert replica.state == "refused"
    assert "lets adapters into requests that name none" in replica.reason


async def until_refused(served: Served, ready: Callable[[], Awaitable[None]]) -> None:
    await ready()  # by itself the adapter is right: only company shows what is wrong
    await until(lambda: served.replicas()[0].state == "refused")
    with pytest.raises(AdapterError, match="lets adapters into"):
        await ready()


class Mixing:
    """A server that takes a request for its base for one of an adapter's under way."""

    def __init__(self, app: Any, base: str) -> None:
        self._app, self._base = app, base.encode()
        self._under_way: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope.get("path") != "/v1/chat/completions":
            await self._app(scope, receive, send)
            return
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        name = body.partition(b'"model"')[2].partition(b'"')[2].partition(b'"')[0]
        self._under_way.append(name)
        await asyncio.sleep(0.02)
        others = [each for each in self._under_way if each != self._base]
        if name == self._base and others:
            body = body.replace(b'"' + self._base + b'"', b'"' + others[0] + b'"', 1)

        async def again() -> dict[str, Any]:
            if again.told:  # type: ignore[attr-defined]
                return await receive()
            again.told = True  # type: ignore[attr-defined]
            return {"type": "http.request", "body": body, "more_body": False}

        again.told = False  # type: ignore[attr-defined]
        headers = [h for h in scope["headers"] if h[0] != b"content-length"]
        headers.append((b"content-length", str(len(body)).encode()))
        try:
            await self._app({**scope, "headers": headers}, again, send)
        finally:
            self._under_way.remove(name)


async def test_a_folder_that_is_damaged_on_one_server_leaves_the_other(
    weights: Path, park: Park, staff: Callable[..., Served], idle: Callable[[Path], Path]
) -> None:
    loaded = {name_of(weights, "sentiment"): idle(weights / "sentiment")}
    bad, good = park.open(bare(weights, adapters=loaded)), park.open(bare(weights))
    served = staff(bad, good)
    await served.specialist("sentiment").ready()
    await until(lambda: all(r.state == "up" for r in served.replicas()))
    name = name_of(weights, "sentiment")
    for _ in range(6):
        await served.fleet.pool.chat(ASK, adapter=name, sampling=Sampling(max_tokens=2))
    answered = {r.url: r.answered for r in served.fleet.pool.stats().replicas}
    states = {r.url: {a.adapter: a.state for a in r.adapters}[name] for r in served.replicas()}
    assert states == {bad: "refused", good: "attested"}
    assert answered[good] >= 6


# --- coming and going ---------------------------------------------------------------------------


async def test_after_a_restart_adapters_are_restored_before_anything_is_asked(
    weights: Path, park: Park, staff: Callable[..., Served]
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = park.open(bare(weights), port=port)
    served = staff(url)
    await served.specialist("sentiment").ready()
    await until(lambda: served.replicas()[0].state == "up")
    park.close(url)
    await until(lambda: served.replicas()[0].state == "down")
    with pytest.raises(Unavailable), calling(deadline=time.monotonic() + 0.5):
        await served.specialist("sentiment").ready()
    park.open(bare(weights), port=port)
    await served.specialist("sentiment").ready()
    name = name_of(weights, "sentiment")
    done = await served.fleet.pool.chat(ASK, adapter=name, sampling=Sampling(max_tokens=2))
    assert done.adapter == name
    await until(lambda: served.replicas()[0].state == "up")
    assert served.replicas()[0].joins == 2


async def test_an_adapter_that_a_server_lost_is_restored(
    weights: Path, park: Park, staff: Callable[..., Served]
) -> None:
    served = staff(park.open(bare(weights)))
    await served.specialist("sentiment").ready()
    await until(lambda: served.replicas()[0].state == "up")
    name = name_of(weights, "sentiment")
    (replica,) = served.fleet.pool.replicas
    await replica.engine.unload_adapter(name)  # type: ignore[attr-defined]
    await until(lambda: name not in replica.adapters or served.replicas()[0].joins > 1)
    await served.specialist("sentiment").ready()
    assert (await served.fleet.pool.chat(ASK, adapter=name)).adapter == name


async def test_swapping_an_adapter_asks_the_new_one_and_forgets_the_old(
    weights: Path, park: Park, staff: Callable[..., Served], tmp_path: Path
) -> None:
    served = staff(park.open(bare(weights)), retire_s=0.2)
    before = served.specialist("sentiment")
    await before.ready()
    await until(lambda: served.replicas()[0].state == "up")
    new = Path(shutil.copytree(weights / "extraction", tmp_path / "new"))
    await served.swap("sentiment", new)
    after = served.specialist("sentiment")
    assert after.adapter == name_of(weights, "extraction").replace("extraction", "sentiment")
    assert after.served_by.adapter == served.adapters["extraction"].record.digest
    await after.ready()
    for asked in (before, after):  # who began with the old one still ends with it
        said = await asked.engine.chat(ASK, adapter=asked.adapter, sampling=Sampling(max_tokens=2))
        assert said.adapter == asked.adapter
    (replica,) = served.fleet.pool.replicas
    await until(lambda: before.adapter not in replica.adapters)
    names = await replica.engine.models()  # type: ignore[attr-defined]
    assert after.adapter in names
    assert before.adapter not in names


async def test_a_new_adapter_that_is_refused_leaves_the_old_one_in_place(
    weights: Path,
    park: Park,
    staff: Callable[..., Served],
    idle: Callable[[Path], Path],
    tmp_path: Path,
) -> None:
    served = staff(park.open(bare(weights)))
    await served.specialist("sentiment").ready()
    await until(lambda: served.replicas()[0].state == "up")
    canary = Canary.read(weights / "sentiment" / CANARY)
    new = Wanted("sentiment", "sentiment@000000000000", str(idle(weights / "sentiment")), canary)
    with pytest.raises(AdapterError, match=r"was not put in place.*does not act"):
        await served.fleet.swap(new)
    spoiled = Path(shutil.copytree(weights / "extraction", tmp_path / "spoiled"))
    (spoiled / "adapter_config.json").write_text("{}")
    with pytest.raises(AdapterError, match=r"altered adapter_config\.json"):
        await served.swap("sentiment", spoiled)
    assert served.specialist("sentiment").adapter == name_of(weights, "sentiment")
    (replica,) = served.fleet.pool.replicas
    assert new.name not in await replica.engine.models()  # type: ignore[attr-defined]
    await served.specialist("sentiment").ready()


async def test_a_reload_serves_what_the_folder_holds_by_now(
    weights: Path, park: Park, staff: Callable[..., Served], renamed: Callable[[Path], str]
) -> None:
    served = staff(park.open(bare(weights)))
    before = served.specialist("sentiment")
    await before.ready()
    await until(lambda: served.replicas()[0].state == "up")
    other = served.specialist("extraction").adapter
    assert await served.reload() == ()
    manifest = Manifest.read(weights / MANIFEST)
    config = weights / "sentiment" / "adapter_config.json"
    sound = config.read_text("utf-8")
    config.write_text("{}")
    with pytest.raises(AdapterError, match=r"altered adapter_config\.json"):
        await served.reload()  # copied halfway, perhaps: nothing is changed
    assert served.specialist("sentiment").adapter == before.adapter
    config.write_text(sound)
    digest = renamed(weights / "sentiment")
    named = manifest.adapters["sentiment"].model_copy(update={"digest": digest})
    adapters = {**manifest.adapters, "sentiment": named}
    manifest.model_copy(update={"adapters": adapters}).write(weights / MANIFEST)
    assert await served.reload() == ("sentiment",)
    after = served.specialist("sentiment")
    assert after.adapter == served_name("sentiment", digest)
    assert after.served_by.adapter == digest
    await after.ready()
    assert served.specialist("extraction").adapter == other
    (replica,) = served.fleet.pool.replicas
    await until(lambda: before.adapter not in replica.adapters)


async def test_a_reload_needs_the_same_base_and_jobs(
    weights: Path, park: Park, staff: Callable[..., Served]
) -> None:
    served = staff(park.open(bare(weights)))
    await served.specialist("sentiment").ready()
    manifest = Manifest.read(weights / MANIFEST)
    one = {"sentiment": manifest.adapters["sentiment"]}
    manifest.model_copy(update={"adapters": one}).write(weights / MANIFEST)
    with pytest.raises(RecordError, match="that needs a restart"):
        await served.reload()
    await served.specialist("extraction").ready()


async def test_an_unloaded_adapter_is_served_no_more(
    weights: Path, park: Park, staff: Callable[..., Served]
) -> None:
    served = staff(park.open(bare(weights)))
    await served.specialist("sentiment").ready()
    await served.fleet.unload("sentiment")
    with pytest.raises(AdapterError, match="no adapter for sentiment is served here"):
        await served.fleet.ready("sentiment")


async def test_nobody_there_is_said_within_the_deadline(staff: Callable[..., Served]) -> None:
    served = staff("http://127.0.0.1:9/v1")
    began = time.monotonic()
    with calling(deadline=began + 0.5), pytest.raises(Unavailable, match=r"127\.0\.0\.1:9/v1 is"):
        await served.specialist("sentiment").ready()
    assert time.monotonic() - began < 30


# --- settings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"urls": ("127.0.0.1:8000",)}, "is no URL"),
        ({"urls": ("http://a/v1", "http://b/v1"), "balanced": True}, "exactly one URL"),
        ({"discover": "vllm"}, "names no port"),
        ({"urls": ("http://a/v1", "http://b/v1"), "start": {}}, "exactly one URL"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given: dict[str, Any], match: str) -> None:
    with pytest.raises(ValidationError, match=match):
        FleetSettings(**given)


def test_a_key_that_is_named_must_be_there(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    settings = FleetSettings(urls=("http://127.0.0.1:9/v1",), key_env="NO_SUCH_KEY")
    with pytest.raises(ConfigError, match="NO_SUCH_KEY is not set"):
        Served(settings, weights, serving=MEASURING)
