"""Tests of ``txregistry/registry/uploads.py``: sessions of several processes."""

from tests.contracts.storecase import BrokenOff, BrokenReader
from tests.registry.case import NAME, chunk
from tests.registry.sessions import DATA, DIGEST, NOTHING, UploadsTestCase
from txregistry.model.digest import Digest, Hashing
from txregistry.model.errors import (
    DigestInvalid,
    UploadUnknown,
)
from txregistry.registry.integrity import Integrity
from txregistry.registry.uploads import Chunk
from txregistry.storage import keys
from txregistry.streams import BytesReader, IReader


class RestartTests(UploadsTestCase):
    def test_offset_is_known(self) -> None:
        self.append(DATA[:4])
        self.restart()
        self.assertEqual(self.offset(), 4)

    def test_empty_session_is_known(self) -> None:
        self.restart()
        self.assertEqual(self.offset(), 0)

    def test_what_came_elsewhere_is_not_read_to_be_finished(self) -> None:
        self.append(DATA)
        self.restart()
        self.let_nothing_be_read()
        self.close()
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_an_end_of_unknown_length_that_is_empty_reads_nothing(self) -> None:
        self.append(DATA)
        self.restart()
        self.let_nothing_be_read()
        end = Chunk(BytesReader(b""), None)
        self.result(self.uploads.finish(NAME, self.session, DIGEST, end))
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_an_end_of_unknown_length_that_is_not_empty(self) -> None:
        self.append(DATA[:4])
        self.restart()
        end = Chunk(BytesReader(DATA[4:]), None)
        self.result(self.uploads.finish(NAME, self.session, DIGEST, end))
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_bytes_in_place_of_others_are_not_taken_for_them(self) -> None:
        first = self.uploads
        self.append(DATA)
        self.restart()
        area = self.store.stage(keys.upload_data(NAME, self.session))
        self.result(area.discard())
        self.append(DATA[::-1])
        self.uploads = first
        work = self.uploads.finish(NAME, self.session, DIGEST, NOTHING)
        self.fails(DigestInvalid, work)

    def test_a_mark_that_speaks_of_less_is_not_believed(self) -> None:
        self.append(DATA[:4])
        self.restart()
        area = self.store.stage(keys.upload_data(NAME, self.session))
        mark = f"4 {Digest.of(DATA[:4])}"
        more = BytesReader(DATA[4:])
        self.result(area.append(more, lambda _: None, None, lambda: mark))
        self.close()
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_what_broke_off_elsewhere_goes_on(self) -> None:
        source = BrokenReader(DATA[:4], BrokenOff())
        work = self.uploads.append(NAME, self.session, Chunk(source, len(DATA)))
        self.fails(BrokenOff, work)
        self.restart()
        self.append(DATA[4:], 4)
        self.close()
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_what_came_to_many_nodes_is_read_once_at_its_end(self) -> None:
        hashing = self.registry.uploads._integrity.hash
        read: list[IReader] = []

        async def hash_(_: Integrity, reader: IReader, *more: str) -> Hashing:
            read.append(reader)
            return await hashing(reader, *more)

        self.patch(Integrity, "hash", hash_)
        for start in range(len(DATA)):
            self.append(DATA[start : start + 1], start)
            self.restart()
        self.assertEqual(read, [])
        self.close()
        self.assertEqual(len(read), 1)
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_an_end_with_bytes_after_those_of_other_nodes(self) -> None:
        for start, data in enumerate((DATA[:1], DATA[1:2])):
            self.append(data, start)
            self.restart()
        end = chunk(DATA[2:], 2)
        self.result(self.uploads.finish(NAME, self.session, DIGEST, end))
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_goes_on_by_reading_again(self) -> None:
        self.append(DATA[:4])
        self.restart()
        self.append(DATA[4:], 4)
        self.close()
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_wrong_digest_is_found_after_a_restart(self) -> None:
        self.append(b"other bytes")
        self.restart()
        work = self.uploads.finish(NAME, self.session, DIGEST, NOTHING)
        self.fails(DigestInvalid, work)

    def test_bytes_that_another_process_added_are_read(self) -> None:
        first = self.uploads
        self.append(DATA[:4])
        self.restart()
        self.append(DATA[4:])
        self.uploads = first
        self.close()
        self.assertEqual(self.pull_blob(DIGEST), DATA)

    def test_what_was_ended_elsewhere_is_unknown(self) -> None:
        first = self.uploads
        for held in (b"", DATA):
            for ended in (True, False):
                self.uploads = first
                self.session = self.result(first.begin(NAME))
                self.append(held)
                self.restart()
                if ended:
                    self.close(Digest.of(held))
                else:
                    self.result(self.uploads.cancel(NAME, self.session))
                for work in (
                    first.offset(NAME, self.session),
                    first.append(NAME, self.session, chunk(DATA)),
                    first.finish(NAME, self.session, DIGEST, chunk(DATA)),
                    first.cancel(NAME, self.session),
                ):
                    self.fails(UploadUnknown, work)

    def test_session_whose_state_was_crowded_out_goes_on(self) -> None:
        self.append(DATA[:4])
        self.uploads._progress.clear()
        self.append(DATA[4:])
        self.close()
        self.assertEqual(self.pull_blob(DIGEST), DATA)
