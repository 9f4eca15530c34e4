"""What a search for a limit came to, as the text that is printed."""

from __future__ import annotations

from lab.batch.folders.committed import SweepFolder
from lab.batch.sweeps.limit import limits
from lab.report import limit as report
from lab.report import spreadsheet
from lab.report.table import markdown, text
from lab.scenario.dump import plain


def told(folder: SweepFolder, kind: str, width: int) -> str:
    """Return what a search came to, as text, markdown, csv or json; text of `width` columns."""
    found, sweep = limits(folder), folder.plan.sweep
    match kind:
        case "json":
            return report.dumps(found, sweep, folder.plan.name)
        case "csv":
            return spreadsheet.to_csv(spreadsheet.framed(report.HEADS, tuple(report.lines(found))))
        case _:
            tables = report.words(found, sweep, _expected(folder))
            return "\n".join(markdown(each) if kind == "markdown" else text(each, width) for each in tables)


def _expected(folder: SweepFolder) -> list[str]:
    """Return what the scenario expects, a text for each."""
    wanted = plain(next(cell for cell in folder.plan.cells if not cell.control).scenario)["expect"]
    return [f"{name} {condition}" for name, conditions in wanted.items() for condition in conditions]
