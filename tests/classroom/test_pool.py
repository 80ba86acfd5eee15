"""A cluster that stops grading: the message, the waiting time, and the results that are kept."""

from __future__ import annotations

from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from grader.classroom.finding import find
from grader.classroom.grading import Run
from grader.classroom.pool import ClusterWatcher
from grader.classroom.results_folder import ResultsFolder
from grader.classroom.warm import GradingRequest
from grader.core.errors import BrokenGrader
from grader.core.report import Report
from tests.classroom.test_results_folder import LAB, Fake, right


class Client:
    """Replacement for a client of a cluster."""

    def __init__(self, status: str, workers: int) -> None:
        self.status, self.workers = status, workers

    def scheduler_info(self, n_workers: int) -> dict[str, dict[str, dict[str, int]]]:
        """Return what a scheduler says about its workers."""
        assert n_workers == -1
        return {"workers": {str(number): {"nthreads": 2} for number in range(self.workers)}}


@pytest.mark.parametrize(
    ("status", "workers", "said", "ends"),
    [
        ("running", 0, "The cluster has no workers: waiting for one.", "had no workers for 60 s"),
        (
            "connecting",
            1,
            "The Dask scheduler at tcp://x does not answer: waiting for it.",
            "The connection to the Dask scheduler was lost.",
        ),
    ],
)
def test_a_cluster_is_waited_for(
    status: str, workers: int, said: str, ends: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One message; if the cluster comes back, the run continues, else it ends after a minute with one sentence and code 4."""
    now, told = [0.0], list[str]()
    monkeypatch.setattr("grader.classroom.pool.time.monotonic", lambda: now[0])
    client = Client(status, workers)
    watch = ClusterWatcher(client, "tcp://x", lambda message: told.append(message.text))

    for now[0] in (0.0, 30.0, 59.0):
        watch()
    client.status, client.workers = "running", 1
    watch()
    client.status, client.workers = status, workers
    for now[0] in (100.0, 159.0):
        watch()
    now[0] = 161.0
    with pytest.raises(BrokenGrader, match=ends) as caught:
        watch()

    assert told == [said, said]
    assert caught.value.exit_code == 4


def test_a_client_that_was_closed_is_not_waited_for() -> None:
    """A closed client cannot be opened again."""
    with pytest.raises(BrokenGrader, match="The connection to the Dask scheduler was lost"):
        ClusterWatcher(Client("closed", 1), "tcp://x", lambda _: None)()


def test_what_a_lost_scheduler_drops_has_no_report(tmp_path: Path) -> None:
    """Unfinished submissions are graded by the next run; finished ones are kept."""
    (tmp_path / "class").mkdir()
    for name in ("anna", "boris"):
        (tmp_path / "class" / f"{name}.py").write_text(f"# {name}\n", encoding="utf-8")

    def drops(request: GradingRequest) -> Report:
        if request.name == "boris":
            raise CancelledError
        return right(request)

    with ResultsFolder.opened(tmp_path / "out") as results_folder:
        results_folder.begin(1, "en")
        run = Run(LAB, results_folder, lambda _: None, lambda _: None)
        with pytest.raises(BrokenGrader, match="The connection to the Dask scheduler was lost"):
            run.grade(find(tmp_path / "class").found, Fake(drops), 1, regrade=False)

    assert [path.name for path in (tmp_path / "out" / "reports").iterdir()] == ["anna.json"]
