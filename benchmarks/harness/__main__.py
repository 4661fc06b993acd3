"""The mistakes of tests/mutants under three test suites: this harness, the Singer SDK's, the Airbyte CDK's.

    .venv/bin/python -m benchmarks.harness --write docs/harness-comparison.md

Makes two virtual environments in ``--scratch`` (a temporary folder by default; give one to keep them), so it
needs a package index. Each mistake is put into the same small connector, written for each of the two SDKs,
which passes its SDK's suite without the mistake; the suite catches it when one of its tests then fails.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import tempfile
import venv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

from acme.sdk.testing import Job, Outcome, Result, run
from tests.mutants.gallery import Case, mutants
from tests.mutants.server import KEY, Api, serving

HERE = Path(__file__).resolve().parent
SINGER, AIRBYTE = "singer-sdk", "airbyte-cdk"
REQUIREMENTS = {
    SINGER: ["singer-sdk[testing]==0.54.9", "pytest==9.2.0", "pytest-timeout==2.4.0"],
    AIRBYTE: ["airbyte-cdk==7.39.1", "pytest==9.2.0", "pytest-timeout==2.4.0"],
}
TEMPLATES = {SINGER: HERE / "peers" / "singer", AIRBYTE: HERE / "peers" / "airbyte"}
#: For one test of a suite.
TIMEOUT_S = 15


Change = tuple[str, str]


@dataclass(frozen=True)
class Fault:
    """A mistake, as changes to the text of the two connectors.

    Attributes:
        mutant: The mutant of tests/mutants/sources with the same mistake.
        both: Replacements in what is the same in both connectors: the reading.
        singer: Replacements in the tap; ``None`` where an author cannot make the mistake.
        airbyte: The same for the source.
    """

    mutant: str
    both: tuple[Change, ...] = ()
    singer: tuple[Change, ...] | None = ()
    airbyte: tuple[Change, ...] | None = ()


def faults() -> list[Fault]:
    """Return the mistakes that ``peers/faults.yaml`` describes."""
    return [
        Fault(
            **{
                field: tuple((change["old"], change["new"]) for change in value)
                if isinstance(value, list)
                else value
                for field, value in entry.items()
            }
        )
        for entry in yaml.safe_load((HERE / "peers" / "faults.yaml").read_text())
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scratch", type=Path, help="where the virtual environments and connectors go")
    parser.add_argument("--write", type=Path, help="a page to write the table to")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        text = compare(options.scratch or Path(temporary))
    print(text)
    if options.write:
        before = (
            options.write.read_text().partition("<!-- the table -->")[0] if options.write.exists() else ""
        )
        options.write.write_text(f"{before}<!-- the table -->\n\n{text}")


def compare(scratch: Path) -> str:
    """Try every fault under the three suites and return the page's table."""
    for peer in REQUIREMENTS:
        install(peer, scratch / peer)
    with serving() as api, ThreadPoolExecutor(2) as pool:
        for peer in REQUIREMENTS:
            if failed := peer_finds(peer, None, scratch, api):
                raise SystemExit(f"{peer}: the connector without a mistake does not pass: {failed}")
        every = faults()
        ours = [pool.submit(ours_finds, fault.mutant) for fault in every]
        theirs = {
            peer: [pool.submit(peer_finds, peer, fault, scratch, api) for fault in every]
            for peer in REQUIREMENTS
        }
        return table(
            every,
            [future.result() for future in ours],
            {peer: [future.result() for future in futures] for peer, futures in theirs.items()},
        )


def install(peer: str, folder: Path) -> None:
    """Make the peer's virtual environment, if it is not there."""
    if not (folder / "venv" / "installed").exists():
        venv.create(folder / "venv", with_pip=True, clear=True)
        subprocess.run([folder / "venv/bin/pip", "install", "-q", *REQUIREMENTS[peer]], check=True)
        (folder / "venv" / "installed").touch()


def peer_finds(peer: str, fault: Fault | None, scratch: Path, api: Api) -> list[str] | None:
    """Return the tests of a peer's suite that fail; ``None`` when the mistake cannot be made there."""
    own = () if fault is None else fault.singer if peer == SINGER else fault.airbyte
    if own is None:
        return None
    name = fault.mutant if fault else "correct"
    folder = scratch / peer / name
    folder.mkdir(parents=True, exist_ok=True)
    reading = replaced((TEMPLATES[peer].parent / "reading.py.txt").read_text(), fault.both if fault else ())
    config = {"api_url": api.url, "api_key": KEY}
    (folder / "config.json").write_text(json.dumps(config))
    for template in TEMPLATES[peer].iterdir():
        text = template.read_text()
        if template.name == "people.py.txt":
            text = f"{reading}\n\n{replaced(text, own)}"
        (folder / template.name.removesuffix(".txt")).write_text(text)
    # The suite of Airbyte builds images, too, where there is Docker.
    command = [scratch / peer / "venv/bin/python", "-m", "pytest", "-q", "-rfE", "--tb=no"]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-k", "not docker", f"--timeout={TIMEOUT_S}", "test_people.py"],
        cwd=folder, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    (folder / "output.txt").write_text(done.stdout + done.stderr)
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith(("FAILED ", "ERROR "))]
    failed = [words[1].rpartition("::")[2].partition("[")[0] for words in lines]
    if done.returncode and not failed:
        failed = ["the test run itself"]
    return sorted(set(failed))


def replaced(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    for old, new in changes:
        if old not in text:
            raise ValueError(f"{old!r} is not in the template")
        text = text.replace(old, new, 1)
    return text


def ours_finds(mutant: str) -> list[str]:
    """Return the checks of this harness that fail."""
    case: Case = next(case for case in mutants() if case.file.stem == mutant and case.role == "source")
    with serving() as api:
        job = Job(case.file, {"api_url": api.url, "api_key": KEY}, timeout=5.0)
        events = list(run(job))
    return [event.id for event in events if isinstance(event, Result) and event.outcome is Outcome.FAILED]


def table(every: list[Fault], ours: list[list[str]], theirs: dict[str, list[list[str] | None]]) -> str:
    def cell(found: list[str] | None) -> str:
        if found is None:
            return "cannot be made"
        shown = ", ".join(f"`{name}`" for name in found[:3]) or "no"
        return shown + (f" and {len(found) - 3} more" if len(found) > 3 else "")

    def total(found: list[list[str]] | list[list[str] | None]) -> str:
        possible = [failed for failed in found if failed is not None]
        return f"{sum(bool(failed) for failed in possible)} of {len(possible)}"

    versions = {peer: requirements[0].partition("==")[2] for peer, requirements in REQUIREMENTS.items()}
    heads = [f"{peer} {versions[peer]}" for peer in theirs]
    lines = [
        f"| mistake | acme test-connector | {' | '.join(heads)} |",
        "|---" * (2 + len(heads)) + "|",
        f"| **caught** | **{total(ours)}** | "
        + " | ".join(f"**{total(t)}**" for t in theirs.values())
        + " |",
    ]
    for number, fault in enumerate(every):
        cells = [cell(ours[number]), *(cell(found[number]) for found in theirs.values())]
        lines.append(f"| `{fault.mutant}` | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"Python {platform.python_version()}, {platform.system()}.", ""])


if __name__ == "__main__":
    main()
