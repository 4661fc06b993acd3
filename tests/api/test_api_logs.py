"""How a worker writes its log: in batches, by a thread beside those that answer."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

# Warnings are written by who has them, while the lines of others are on their way.
LOGGING = """
import logging, threading
from api.server.logs import configure_logs, write_together

configure_logs("text")
write_together()
log = logging.getLogger("api")

def say(name):
    for number in range(2000):
        log.info("%s says %d", name, number)
        log.warning("%s warns %d", name, number)

threads = [threading.Thread(target=say, args=(name,)) for name in "abcd"]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_that_log_at_once_lose_no_line_and_do_not_wait_for_one_another_for_ever() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOGGING], capture_output=True, text=True, timeout=120, check=True
    )

    words = Counter(tuple(line.split()[2:4]) for line in done.stderr.splitlines())
    assert words == {(name, verb): 2000 for name in "abcd" for verb in ("says", "warns")}
