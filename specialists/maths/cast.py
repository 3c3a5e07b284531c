"""Who the problems are about, and what: invented casts in two pools that share no name or thing.

A name or a thing belongs to the held-out pool by the hash of its text alone, so that none of it can
occur in what was trained on.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from specialists.task import Fold

Pool = Literal["train", "heldout"]

HELD_OUT_TENTHS = 3
"""Of ten names or things, so many are held out."""


def _words(text: str, between: str = " ") -> tuple[str, ...]:
    return tuple(text.split(between))


_SHE = _words(
    "Ada Agnes Alba Alice Alma Amara Amina Anita Anna Anouk Asha Astrid Bea Bella Berta Bianca "
    "Carla Carmen Cecilia Chiara Clara Cora Dana Daria Delia Diana Dora Edith Elena Elif Elsa "
    "Emma Erika Esther Eva Farah Fatima Fiona Flora Freya Gemma Greta Gudrun Hana Hanna Heidi "
    "Helena Ida Ines Ingrid Irene Iris Isla Ivy Jana Jasmin Joan Judith Julia Karin Katja Kira "
    "Klara Lara Laura Leila Lena Lina Lisa Lotte Lucia Luna Lydia Magda Maja Mara Maria Marta "
    "Maya Mei Mila Mina Mira Mona Nadia Naomi Nina Nora Olga Olivia Paula Petra Priya Rana "
    "Rita Rosa Ruth Sana Sara Selma Sofia Stella Susan Tamar Tanja Tara Tina Ulla Uma Vera "
    "Wanda Wendy Xenia Yara Yuki Zara Zoe"
)
_HE = _words(
    "Aaron Abel Adam Ahmed Ali Alvin Amir Andre Anton Arjun Arne Axel Basil Ben Bodo Boris "
    "Bruno Carl Carlos Cem Cyrus Dan Dario David Diego Dirk Dylan Edgar Egon Elias Emil Enzo "
    "Eric Ernst Ethan Felix Finn Frank Fred Gabor Georg Gino Hans Harald Harry Hassan Henry "
    "Hugo Ian Igor Imre Isaac Ivan Jack Jakob Jamal Jan Jens Jim Joel Jonas Jorge Juan Julius "
    "Karim Karl Kenji Kevin Knut Kofi Kurt Lars Leo Levi Liam Lorenz Luca Luis Lukas Malik "
    "Marco Mark Martin Max Milan Milo Moritz Musa Nico Niels Noah Oleg Olaf Omar Oscar Otto "
    "Pablo Paul Pedro Peter Philip Quentin Rafael Rajan Ralf Ravi Rene Robin Rolf Ruben Samir "
    "Samuel Sepp Simon Stefan Sven Tariq Theo Tim Tobias Tom Umar Urs Uwe Victor Viktor Vito "
    "Walter Wei Willi Xaver Yusuf Zeno"
)
_THINGS = _words(
    "apple apples,badge badges,balloon balloons,banana bananas,bead beads,"
    "bell bells,block blocks,book books,bottle bottles,bowl bowls,bracelet bracelets,"
    "brick bricks,brush brushes,bucket buckets,bun buns,button buttons,cake cakes,"
    "candle candles,cap caps,card cards,carrot carrots,chair chairs,cherry cherries,"
    "chocolate chocolates,clip clips,coin coins,comic comics,cookie cookies,crayon crayons,"
    "cup cups,cushion cushions,doll dolls,drum drums,egg eggs,eraser erasers,fan fans,"
    "feather feathers,fig figs,flag flags,flower flowers,flute flutes,fork forks,gem gems,"
    "glove gloves,hat hats,jar jars,key keys,kite kites,ladle ladles,lamp lamps,leaf leaves,"
    "lemon lemons,letter letters,lolly lollies,magnet magnets,map maps,marble marbles,"
    "mask masks,melon melons,mug mugs,muffin muffins,nail nails,needle needles,nut nuts,"
    "olive olives,onion onions,orange oranges,pan pans,peach peaches,pear pears,"
    "pebble pebbles,pen pens,pencil pencils,pie pies,pin pins,plate plates,plum plums,"
    "postcard postcards,poster posters,potato potatoes,pot pots,pumpkin pumpkins,"
    "puppet puppets,puzzle puzzles,radish radishes,ribbon ribbons,ring rings,roll rolls,"
    "rope ropes,rose roses,ruler rulers,scarf scarves,screw screws,seed seeds,shell shells,"
    "shirt shirts,sock socks,spoon spoons,stamp stamps,star stars,sticker stickers,"
    "stone stones,stool stools,string strings,tile tiles,ticket tickets,tomato tomatoes,"
    "towel towels,toy toys,tulip tulips,turnip turnips,umbrella umbrellas,vase vases,"
    "whistle whistles,yoyo yoyos",
    ",",
)
_HOLDERS = (
    *(("box", "boxes"), ("bag", "bags"), ("basket", "baskets"), ("crate", "crates")),
    *(("tray", "trays"), ("pack", "packs"), ("sack", "sacks"), ("chest", "chests")),
)
"""What things are kept in; common words, known to every pool."""


@dataclass(frozen=True)
class Person:
    """Someone with a first name."""

    name: str
    she: str
    """``she`` or ``he``; the other forms follow from it."""

    @property
    def object(self) -> str:
        return "her" if self.she == "she" else "him"

    @property
    def possessive(self) -> str:
        return "her" if self.she == "she" else "his"


@dataclass(frozen=True)
class Thing:
    """Something that can be counted, bought and given away."""

    one: str
    many: str


def held_out(text: str) -> bool:
    """Whether a name or a thing belongs to the held-out pool: a property of its text alone."""
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % 10 < HELD_OUT_TENTHS


@cache
def people(pool: Pool) -> tuple[Person, ...]:
    """The people of a pool."""
    everyone = [Person(n, "she") for n in _SHE] + [Person(n, "he") for n in _HE]
    return tuple(p for p in everyone if held_out(p.name) == (pool == "heldout"))


@cache
def things(pool: Pool) -> tuple[Thing, ...]:
    """The things of a pool."""
    everything = [Thing(*pair.split()) for pair in _THINGS]
    return tuple(t for t in everything if held_out(t.many) == (pool == "heldout"))


def pool_of(fold: Fold) -> Pool:
    """The pool a fold draws from."""
    return "train" if fold in ("train", "dev") else "heldout"


@dataclass(frozen=True)
class Scene:
    """Who and what one problem is about."""

    slots: Mapping[str, str]
    """For phrasings."""
    people: tuple[str, ...]
    """By name; the one it is about first."""
    things: tuple[tuple[str, ...], ...]
    """Each in singular and plural."""


def draw(rng: random.Random, fold: Fold) -> Scene:
    """Two people, two sorts of things and what holds them."""
    pool = pool_of(fold)
    who, other = rng.sample(people(pool), 2)
    thing, another = rng.sample(things(pool), 2)
    box, boxes = rng.choice(_HOLDERS)
    slots = {
        "who": who.name,
        "she": who.she,
        "She": who.she.capitalize(),
        "her": who.object,
        "hers": who.possessive,
        "Hers": who.possessive.capitalize(),
        "other": other.name,
        "thing": thing.one,
        "things": thing.many,
        "others": another.many,
        "box": box,
        "boxes": boxes,
    }
    return Scene(
        slots,
        (who.name, other.name),
        ((thing.one, thing.many), (another.one, another.many)),
    )
