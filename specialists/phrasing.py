"""Composable phrasings: a small grammar from which hundreds of sentence frames are drawn.

A grammar is rules of alternatives, ``{rule}`` inside an alternative is another rule, ``[word]`` is
kept half of the time, and ``$slot`` is filled by the caller. The alternatives of the rule ``root``
are the *templates*: a template decides syntax and verbs, the other rules vary words inside it. One
in five templates (by a hash of its text) is held out of training, with whatever words it is drawn.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping, Sequence

from specialists.foundation.errors import ConfigError
from specialists.task import Fold

HELD_OUT_SHARE = 5
"""One template in this many is held out."""

_RULE = re.compile(r"\{(\w+)\}")
_OPTION = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\$(\w+)")


def held_out(template: str) -> bool:
    """Whether a template belongs to the fold ``templates``: a property of its text alone."""
    return int(hashlib.sha256(template.encode()).hexdigest(), 16) % HELD_OUT_SHARE == 0


class Phrasing:
    """A grammar of phrasings. Immutable; drawing is deterministic in the random generator."""

    def __init__(self, name: str, rules: Mapping[str, Sequence[str]]) -> None:
        """``rules`` maps a rule's name to its alternatives; ``root`` must be among them.

        Raises:
            ConfigError: no root, an unknown rule, or all templates on one side of the hold-out.
        """
        self.name = name
        self._rules = {rule: tuple(dict.fromkeys(texts)) for rule, texts in rules.items()}
        if "root" not in self._rules:
            raise ConfigError(f"phrasing {name}: no rule named root")
        for rule, texts in self._rules.items():
            for text in texts:
                for used in _RULE.findall(text):
                    if used not in self._rules:
                        raise ConfigError(f"phrasing {name}: rule {rule} uses unknown {{{used}}}")
        self._trained = tuple(t for t in self._rules["root"] if not held_out(t))
        self._held = tuple(t for t in self._rules["root"] if held_out(t))
        if not self._trained:
            raise ConfigError(f"phrasing {name}: every template is held out")

    @property
    def templates(self) -> tuple[str, ...]:
        """All templates, trained and held out."""
        return self._rules["root"]

    def pool(self, fold: Fold) -> tuple[str, ...]:
        """The templates a fold draws from; empty when a small grammar has none held out."""
        return self._held if fold == "templates" else self._trained

    def draw(self, rng: random.Random, fold: Fold, **slots: str) -> tuple[str, str]:
        """A text, and the id of its template.

        Args:
            slots: texts for the ``$slot`` places. A slot no template asks for is ignored.

        Raises:
            ConfigError: the template asks for a slot that is not given, or the fold has none.
        """
        pool = self.pool(fold)
        if not pool:
            raise ConfigError(f"phrasing {self.name}: no template for fold {fold}")
        template = pool[rng.randrange(len(pool))]
        text = self._expand(template, rng)
        try:
            text = _SLOT.sub(lambda m: slots[m[1]], text)
        except KeyError as error:
            raise ConfigError(f"phrasing {self.name}: {template!r} needs slot {error}") from error
        digest = hashlib.sha256(template.encode()).hexdigest()[:8]
        return " ".join(text.split()), f"{self.name}:{digest}"

    def _expand(self, text: str, rng: random.Random) -> str:
        while _RULE.search(text) or _OPTION.search(text):
            text = _OPTION.sub(lambda m: m[1] if rng.random() < 0.5 else "", text)
            text = _RULE.sub(lambda m: rng.choice(self._rules[m[1]]), text)
        return text
