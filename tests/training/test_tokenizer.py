"""Text comes back byte for byte; what replies are made of is one token each."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from specialists.engines.template import to_chat
from specialists.workspace import handles
from training import corpus, tokenizer

SCAFFOLD = '{"name": "sql", "arguments": {"query": "'


def test_every_handle_currency_and_scaffold_is_one_token(tokens_of):
    for text in [*handles.vocabulary(), *tokenizer.TOOL_MARKS, *tokenizer.CURRENCIES, SCAFFOLD]:
        assert len(tokens_of(text).input_ids) == 1, text


def test_digits_stay_single(tokens_of):
    assert len(tokens_of("20214").input_ids) == 5


def test_a_word_between_handles_is_one_token(tokens_of):
    pieces = tokens_of.convert_ids_to_tokens(tokens_of("<c1> of <e1>").input_ids)
    assert len(pieces) == 3


@given(text=st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_round_trips(tokens_of_module, text):
    ids = tokens_of_module(text).input_ids
    assert tokens_of_module.decode(ids, skip_special_tokens=False) == text


@pytest.fixture(scope="module")
def tokens_of_module(tokens_of):
    return tokens_of


def test_a_prompt_is_the_beginning_of_its_dialogue(tokens_of, dialogues):
    for dialogue in dialogues[:20]:
        whole, _ = corpus.render(tokens_of, dialogue)
        for number, message in enumerate(dialogue):
            if message.role == "assistant":
                prompt = tokens_of.apply_chat_template(
                    to_chat(dialogue[:number]),
                    tokenize=True,
                    return_dict=True,
                    add_generation_prompt=True,
                )["input_ids"]
                assert whole[: len(prompt)] == prompt


def test_special_tokens_are_special_and_handles_are_not(tokens_of):
    ids = tokens_of("<|im_start|><e1><tool_call>").input_ids
    assert tokens_of.decode(ids, skip_special_tokens=True) == "<e1><tool_call>"


def test_grammar_spells_every_token_as_the_tokenizer_does(tokens_of):
    import xgrammar

    info = xgrammar.TokenizerInfo.from_huggingface(tokens_of, vocab_size=len(tokens_of))
    for number, spelled in enumerate(info.decoded_vocab):
        text = tokens_of.decode([number])
        if "�" not in text and number not in tokens_of.all_special_ids:
            assert spelled == text.encode(), text


def test_scaffolding_is_mined_by_what_it_saves():
    replies = ['{"value": "<n1>", "unit": "USD"}'] * 30 + ['{"rare": 1}']
    found = tokenizer.mine_scaffolding(replies, at_least=10, limit=5)
    assert found == ['", "unit": "', '{"value": "']
