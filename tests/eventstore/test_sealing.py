"""What is sealed opens where it stands, with its own key, unaltered, and not otherwise."""

import secrets
from pathlib import Path
from threading import Thread

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from eventstore.sealing.key_material import ensure_file, new_key
from eventstore.sealing.master_keys import MasterKeyError, MasterKeys, put_first
from eventstore.sealing.payloads import SealError, Sealing, bound, is_sealed, seal, unseal

KEY, OTHER = AESGCM(secrets.token_bytes(32)), AESGCM(secrets.token_bytes(32))
STATE = b'{"event":"customer-renamed","first_name":"Ada","last_name":"Byron"}'

ids = st.binary(min_size=16, max_size=16)
versions = st.integers(1, 2**53)
topics = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF), max_size=40)
places = st.builds(bound, ids, versions, topics)


@given(places, st.binary(max_size=2_000))
def test_what_is_sealed_opens_where_it_stands(place: bytes, state: bytes) -> None:
    sealed = seal(KEY, place, state)
    assert is_sealed(sealed)
    assert state not in sealed or len(state) < 4
    assert unseal(KEY, place, sealed) == state


@given(st.tuples(ids, versions, topics), st.tuples(ids, versions, topics))
def test_it_opens_for_no_other_stream_version_or_topic(
    own: tuple[bytes, int, str], other: tuple[bytes, int, str]
) -> None:
    sealed = seal(KEY, bound(*own), STATE)
    for place in ((other[0], *own[1:]), (own[0], other[1], own[2]), (*own[:2], other[2])):
        if place != own:
            with pytest.raises(SealError):
                unseal(KEY, bound(*place), sealed)


@given(places)
def test_it_does_not_open_with_another_key(place: bytes) -> None:
    with pytest.raises(SealError):
        unseal(OTHER, place, seal(KEY, place, STATE))


@given(places, st.integers(0), st.integers(1, 255))
def test_it_does_not_open_when_a_byte_is_another(place: bytes, where: int, by: int) -> None:
    sealed = bytearray(seal(KEY, place, STATE))
    where = 1 + where % (len(sealed) - 1)  # the first says that it is sealed at all
    sealed[where] ^= by
    with pytest.raises(SealError):
        unseal(KEY, place, bytes(sealed))


@given(places, st.binary(max_size=100))
def test_random_bytes_do_not_open(place: bytes, sealed: bytes) -> None:
    with pytest.raises(SealError):
        unseal(KEY, place, b"\x01" + sealed)


@given(places)
def test_nothing_is_sealed_alike_twice(place: bytes) -> None:
    assert seal(KEY, place, STATE) != seal(KEY, place, STATE)


@given(ids, versions, ids, versions)
def test_a_wrapped_key_opens_for_its_own_stream_from_its_own_version_on(
    id_: bytes, since: int, other_id: bytes, other_since: int
) -> None:
    sealing = Sealing(MasterKeys(new_key()))
    key = sealing.new_key(id_, since)
    sealed = seal(key.cipher, b"here", STATE)
    assert unseal(sealing.cipher(id_, since, key.master_id, key.wrapped), b"here", sealed) == STATE
    for place in ((other_id, since), (id_, other_since)):
        if place != (id_, since):
            with pytest.raises(SealError):
                sealing.cipher(*place, key.master_id, key.wrapped)


def test_a_wrapped_key_does_not_open_with_another_master_key() -> None:
    mine, other = (Sealing(MasterKeys(new_key())) for _ in range(2))
    key = mine.new_key(b"0" * 16, 1)
    with pytest.raises(MasterKeyError, match=f"The master key {key.master_id}, .* is not in MASTER_KEY"):
        other.cipher(b"0" * 16, 1, key.master_id, key.wrapped)
    with pytest.raises(SealError):
        other.cipher(b"0" * 16, 1, other.master_id, key.wrapped)


@pytest.mark.parametrize("text", ["secret words", "c2hvcnQ=", "A" * 43 + "!", "A" * 40])
def test_what_is_no_master_key_is_refused_and_never_told(text: str) -> None:
    with pytest.raises(MasterKeyError) as refused:
        MasterKeys.from_environment({"MASTER_KEY": text})
    assert text not in str(refused.value)
    assert "openssl rand -base64 32" in str(refused.value)


def test_without_a_master_key_it_is_said_how_to_make_one() -> None:
    with pytest.raises(MasterKeyError, match=r"MASTER_KEY or MASTER_KEY_FILE is missing.*openssl rand -base64 32"):
        MasterKeys.from_environment({"MASTER_KEY": " "})


def test_a_file_may_hold_several_of_which_the_first_is_to_wrap(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    file = tmp_path / "keys"
    file.write_text(f"{new}\n{old}\n")
    keys = MasterKeys.from_environment({"MASTER_KEY_FILE": str(file)})
    assert keys.first == MasterKeys(new).first
    keys.cipher(MasterKeys(old).first)


def test_a_key_that_is_put_into_the_file_later_is_found(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    ensure_file(file)
    known = MasterKeys.from_file(file)
    put_first(file)
    new = MasterKeys.from_file(file).first
    assert new != known.first
    known.cipher(new)
    MasterKeys.from_file(file).cipher(known.first)


def test_of_keys_that_are_put_into_the_file_at_once_none_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    ensure_file(file)
    threads = [Thread(target=put_first, args=[file]) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(file.read_text().split()) == 21


def test_a_file_that_is_made_is_the_owners_alone_and_made_once(tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    ensure_file(file)
    made = file.read_text()
    ensure_file(file)
    assert file.read_text() == made
    put_first(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["master.key"]
