# SPDX-License-Identifier: MIT
"""What the regression programs share: PROGRAM --tries=N --with=plain|safehandle prints one line of JSON."""
import argparse
import json
import pathlib
import threading
import time
import warnings


def main(file, try_once, plain, with_handles):
    """try_once(use) does it once, with one of the two, and says whether something was misdirected."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tries", type=int, default=200)
    parser.add_argument("--with", dest="means", choices=["plain", "safehandle"], required=True)
    chosen = parser.parse_args()
    warnings.simplefilter("ignore")  # forgetting is what is tried here
    use = plain if chosen.means == "plain" else with_handles
    misdirected = sum(bool(try_once(use)) for _ in range(chosen.tries))
    print(json.dumps({"program": pathlib.Path(file).stem, "language": "python", "with": chosen.means,
                      "tries": chosen.tries, "misdirected": misdirected}))


def wait_until_reading(thread):
    """Until the thread is in the system call read (0 on x86-64; asleep, where /proc does not tell)."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with open(f"/proc/self/task/{thread.native_id}/syscall", encoding="ascii") as call:
                if call.read().split()[0] == "0":
                    return
        except OSError:
            time.sleep(0.01)
            return
        time.sleep(0.0002)
    raise TimeoutError("the thread does not read")


class Reader(threading.Thread):
    """Runs a function on a thread of its own."""

    def __init__(self, function, *arguments):
        super().__init__(daemon=True)
        self.function, self.arguments, self.value = function, arguments, None
        self.start()

    def run(self):
        self.value = self.function(*self.arguments)
