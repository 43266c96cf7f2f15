"""python3 -m unittest discover -t bench -s bench/soaking: does the count notice what is amiss?"""

import unittest
import zlib

from soaking.audit import Reading, judge
from soaking.ledger import BROKEN, ENDED, RUNS, Run, Written

TEXT = b"some text to cut lines from, a little longer than any of the lines that are cut from it"


def line(run: int, number: int) -> bytes:
    head = b"web.o %016x %010d %07d %06d " % (run, number, number % 7, 20)
    whole = head + TEXT[number % 7 : number % 7 + 20]
    return whole + b" %08x\n" % zlib.crc32(whole)


def run(name: int, lines: int, state: int = ENDED, bereft: bool = False, more: int = 0) -> Run:
    taken = Written(bytes=lines * len(line(name, 0)) + more, lines=lines, offered=0, offered_lines=0, capacity=100, next=lines)
    return Run(name, 1, state, taken, taken, bereft)


def faults(lines: list[bytes], runs: list[Run], extra: int = 0) -> list[str]:
    reading = Reading("web", "stdout", TEXT)
    reading.take(lines)
    reading.end()
    return judge(reading, runs, extra, True).errors


class Audit(unittest.TestCase):
    def setUp(self) -> None:
        self.lines = [line(1, number) for number in range(9)] + [line(2, number) for number in range(5)]
        self.runs = [run(1, 9), run(2, 5)]

    def test_all_there(self) -> None:
        self.assertEqual(faults(self.lines, self.runs), [])

    def test_missing(self) -> None:
        for at in range(len(self.lines)):
            self.assertTrue(faults(self.lines[:at] + self.lines[at + 1 :], self.runs), at)

    def test_twice_and_out_of_order(self) -> None:
        for at in range(len(self.lines)):
            self.assertTrue(faults(self.lines[: at + 1] + self.lines[at:], self.runs), at)
        self.assertTrue(faults([self.lines[1], self.lines[0], *self.lines[2:]], self.runs))

    def test_broken(self) -> None:
        for at in range(len(self.lines)):
            cut = self.lines[at]
            self.assertTrue(faults([*self.lines[:at], cut[:50] + b"\n", cut[50:], *self.lines[at + 1 :]], self.runs), at)
            self.assertTrue(faults([*self.lines[:at], cut.replace(b" ", b"_", 6), *self.lines[at + 1 :]], self.runs), at)

    def test_told(self) -> None:
        for told, fine in ((2, True), (1, False), (3, False)):
            note = b"[abide: %d line%s (1 KiB) dropped here]\n" % (told, b"s" if told > 1 else b"")
            self.assertEqual(not faults([*self.lines[:3], note, *self.lines[5:]], self.runs), fine, told)
            # Across two runs, and at the end.
            self.assertEqual(not faults([*self.lines[:8], note, *self.lines[10:]], self.runs), fine, told)
            self.assertEqual(not faults([*self.lines[:-2], note], self.runs), fine, told)

    def test_a_killed_program_leaves_a_broken_end(self) -> None:
        killed = [run(1, 9, RUNS, more=30), run(2, 5)]
        self.assertEqual(faults([*self.lines[:9], line(1, 9)[:30] + b"\n", *self.lines[9:]], killed), [])
        self.assertEqual(faults([*self.lines[:9], line(1, 9)[:3] + b"\n", *self.lines[9:]], killed), [])
        self.assertTrue(faults([*self.lines[:9], b"something else\n", *self.lines[9:]], killed))

    def test_a_broken_end_too_short_to_name_its_run_is_nobodys_surplus(self) -> None:
        # A run of which no more is there than the first bytes, after one that ended well.
        runs = [run(1, 9), run(3, 0, RUNS, more=8), run(4, 2)]
        self.assertEqual(faults([*self.lines[:9], line(3, 0)[:5] + b"\n", line(4, 0), line(4, 1)], runs), [])

    def test_more_than_was_written(self) -> None:
        self.assertTrue(faults([*self.lines[:9], line(1, 9), *self.lines[9:]], self.runs))

    def test_a_killed_supervisor_takes_no_more_than_was_on_its_way(self) -> None:
        length, killed = len(line(1, 0)), [run(1, 9, BROKEN, bereft=True), run(2, 5)]
        within = 200 // length
        self.assertEqual(faults([*self.lines[: 9 - within], *self.lines[9:]], killed), [])
        self.assertTrue(faults([*self.lines[: 9 - within - 1], *self.lines[9:]], killed))
        self.assertEqual(faults([*self.lines[: 9 - within - 1], *self.lines[9:]], killed, extra=length), [])
        # Only the end may be gone.
        self.assertTrue(faults([*self.lines[:4], *self.lines[5:]], killed))


if __name__ == "__main__":
    unittest.main()
