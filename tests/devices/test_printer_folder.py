"""The folder printer writes whole files or none; the simulated one fails as it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from devices.errors import DeviceError, Fault
from devices.printers.base import Printer, PrintJob
from devices.printers.pdf_folder import PdfFolderPrinter
from devices.records import PaperState
from devices.simulators.printer import SimulatedPrinter
from devices.worker import Cancel


def go(printer: Printer, pdf: bytes = b"%PDF-1") -> PrintJob:
    return printer.print(pdf, title="陈小明 receipt", deadline_s=1.0, cancel=Cancel())


def refused(printer: Printer) -> Fault:
    with pytest.raises(DeviceError) as caught:
        go(printer)
    return caught.value.fault


def test_jobs_are_numbered_and_names_say_nothing(tmp_path: Path) -> None:
    printer = PdfFolderPrinter(tmp_path / "out")
    jobs = [go(printer, b"one"), go(printer, b"two")]
    assert [path.name for path in printer.files()] == ["job-0001.pdf", "job-0002.pdf"]
    assert [Path(job.target).read_bytes() for job in jobs] == [b"one", b"two"]
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_numbers_go_on_after_a_restart_and_overwrite_nothing(tmp_path: Path) -> None:
    go(PdfFolderPrinter(tmp_path), b"old")
    (tmp_path / "job-9999.pdf").write_bytes(b"kept")
    go(PdfFolderPrinter(tmp_path), b"new")
    assert (tmp_path / "job-10000.pdf").read_bytes() == b"new"
    go(PdfFolderPrinter(tmp_path))
    assert (tmp_path / "job-10001.pdf").exists()
    assert (tmp_path / "job-9999.pdf").read_bytes() == b"kept"


def test_a_write_that_fails_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    assert refused(PdfFolderPrinter(tmp_path)) is Fault.PRINT_FAILED
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_an_absent_printer(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    printer = PdfFolderPrinter(tmp_path / "file" / "below")
    assert not printer.status().online
    assert printer.status().paper is PaperState.UNKNOWN
    assert refused(printer) is Fault.PRINTER_ABSENT


def test_cancelled_before_it_began(tmp_path: Path) -> None:
    cancel = Cancel()
    cancel.cancel()
    printer = PdfFolderPrinter(tmp_path)
    with pytest.raises(DeviceError) as caught:
        printer.print(b"x", title="t", deadline_s=1.0, cancel=cancel)
    assert caught.value.fault is Fault.CANCELLED
    assert not printer.files()


@pytest.mark.parametrize("paper", list(PaperState))
def test_simulated_paper(tmp_path: Path, paper: PaperState) -> None:
    printer = SimulatedPrinter(tmp_path)
    printer.set_paper(paper)
    assert printer.status().paper is paper
    if paper is PaperState.OUT:
        assert refused(printer) is Fault.PAPER_OUT
    else:
        go(printer)
    assert len(printer.files()) == (paper is not PaperState.OUT)


def test_paper_put_back_prints_again(tmp_path: Path) -> None:
    printer = SimulatedPrinter(tmp_path)
    printer.paper_ends_mid_job()
    assert refused(printer) is Fault.PAPER_OUT
    assert printer.status().paper is PaperState.OUT
    assert not printer.files()
    printer.set_paper(PaperState.OK)
    go(printer)
    assert len(printer.files()) == 1


@pytest.mark.parametrize("fault", [Fault.PRINT_FAILED, Fault.PRINT_UNKNOWN])
def test_only_the_next_job_fails(tmp_path: Path, fault: Fault) -> None:
    printer = SimulatedPrinter(tmp_path)
    printer.fail_next(fault)
    assert refused(printer) is fault
    go(printer)
    assert len(printer.files()) == 1


def test_unplugged(tmp_path: Path) -> None:
    printer = SimulatedPrinter(tmp_path)
    printer.set_online(False)
    assert not printer.status().online
    assert refused(printer) is Fault.PRINTER_ABSENT
