#!/usr/bin/env python3
"""A screen of its own for one program: Xvfb, openbox, the program; and everything it started ends with it.

    desk.py [--size WxHxDEPTH] [--log FILE] -- COMMAND [ARGUMENT...]

Speaks lines. On standard output, first `display :N`, then one answer a request. Requests on standard input, split like
a shell's words:

    wait TITLE [SECONDS]    until a window with TITLE in its title is on screen; answers `window ID WIDTH HEIGHT`
    photo FILE [ID]         photographs the screen, or one window; answers `photo FILE`
    gone TITLE [SECONDS]    until no window has TITLE in its title; answers `gone`
    exit [SECONDS]          until the program has ended by itself; answers `exit CODE`
    end                     ends everything (as the end of standard input does)

What cannot be done is answered with `error WORDS`. Xvfb, openbox and the program are ended by their own numbers, also
when this program is told to end or is killed. Output of the program goes to FILE, or to standard error.
"""

import argparse
import ctypes
import os
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time

# Beside this file lies what finds windows; no compiled copy is left in the tree.
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from Xlib import X, display, error  # noqa: E402

from xdnd_source import window_with_title  # noqa: E402

WAIT_SECONDS = 20.0
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


def end_with_us():
    """In a child before it runs: the kernel ends it when we are gone, kill -9 included."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Desk:
    """The screen and what runs on it."""

    def __init__(self, size, log):
        self.started = []
        self.log = log
        self.runtime = tempfile.TemporaryDirectory(prefix="desk-")
        os.chmod(self.runtime.name, 0o700)
        self.environment = dict(os.environ)
        # The program must not find the desktop of whoever runs the tests.
        for name in ("WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DBUS_SESSION_BUS_ADDRESS", "XAUTHORITY"):
            self.environment.pop(name, None)
        self.environment.update(
            XDG_RUNTIME_DIR=self.runtime.name, LIBGL_ALWAYS_SOFTWARE="1", NO_AT_BRIDGE="1", XDG_SESSION_TYPE="x11"
        )
        self.size = size
        self.screen = None

    def start(self, command, **more):
        child = subprocess.Popen(
            command, env=self.environment, stdin=subprocess.DEVNULL, preexec_fn=end_with_us, **more
        )
        self.started.append(child)
        return child

    def open(self):
        """Starts the X server on a display that is free, and the window manager."""
        told, tells = os.pipe()
        server = self.start(
            ["Xvfb", "-displayfd", str(tells), "-screen", "0", self.size, "-nolisten", "tcp", "-noreset"],
            pass_fds=[tells],
            stdout=self.log,
            stderr=self.log,
        )
        os.close(tells)
        number = b""
        # The number and its line end come one by one; closing before the second would end the server.
        while not number.endswith(b"\n") and select.select([told], [], [], WAIT_SECONDS)[0]:
            part = os.read(told, 32)
            if not part:
                break
            number += part
        os.close(told)
        number = number.decode().strip()
        if not number:
            raise RuntimeError(f"Xvfb did not start (exit code {server.poll()})")
        self.environment["DISPLAY"] = f":{number}"
        self.screen = display.Display(f":{number}")
        self.start(["openbox", "--sm-disable"], stdout=self.log, stderr=self.log)
        managed = self.screen.intern_atom("_NET_SUPPORTING_WM_CHECK")
        root = self.screen.screen().root
        if not self.until(lambda: root.get_full_property(managed, X.AnyPropertyType), WAIT_SECONDS):
            raise RuntimeError("openbox did not start")

    def until(self, condition, seconds):
        """Waits for the condition, looking whenever a window changes and at least twenty times a second."""
        self.screen.screen().root.change_attributes(
            event_mask=X.SubstructureNotifyMask | X.PropertyChangeMask
        )
        deadline = time.monotonic() + seconds
        while True:
            found = condition()
            left = deadline - time.monotonic()
            if found or left <= 0:
                return found
            select.select([self.screen.fileno()], [], [], min(left, 0.05))
            while self.screen.pending_events():
                self.screen.next_event()

    def answer(self, words):
        request, given = words[0], words[1:]
        if request == "wait":
            seconds = float(given[1]) if len(given) > 1 else WAIT_SECONDS
            window = self.until(lambda: self.window(given[0]) or self.ended(), seconds)
            if window is None or isinstance(window, str):
                return f"error no window has {given[0]!r} in its title{'; ' + window if window else ''}"
            size = window.get_geometry()
            return f"window {window.id} {size.width} {size.height}"
        if request == "gone":
            seconds = float(given[1]) if len(given) > 1 else WAIT_SECONDS
            gone = self.until(lambda: self.window(given[0]) is None, seconds)
            return "gone" if gone else f"error a window still has {given[0]!r} in its title"
        if request == "photo":
            shown = given[1] if len(given) > 1 else "root"
            done = subprocess.run(
                ["import", "-silent", "-window", shown, given[0]],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=WAIT_SECONDS,
                check=False,
            )
            return f"photo {given[0]}" if done.returncode == 0 else f"error {' '.join(done.stderr.split())}"
        if request == "exit":
            seconds = float(given[0]) if given else WAIT_SECONDS
            try:
                return f"exit {self.program.wait(seconds)}"
            except subprocess.TimeoutExpired:
                return "error the program still runs"
        return f"error unknown request {request!r}"

    def window(self, title):
        return window_with_title(self.screen, title)

    def ended(self):
        code = self.program.poll()
        return None if code is None else f"the program ended with {code}"

    def close(self):
        """Ends what was started, the last first, each by its own number."""
        for child in reversed(self.started):
            if child.poll() is None:
                child.terminate()
                try:
                    child.wait(5)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
        self.runtime.cleanup()


def told_to_end(_signal, _frame):
    raise SystemExit(0)


def main():
    parser = argparse.ArgumentParser(description="a screen of its own for one program")
    parser.add_argument("--size", default="1400x900x24", help="WIDTHxHEIGHTxDEPTH (1400x900x24)")
    parser.add_argument("--log", help="file for the output of the programs")
    parser.add_argument("command", nargs="+", metavar="COMMAND")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, told_to_end)
    signal.signal(signal.SIGINT, told_to_end)
    log = open(given.log, "ab") if given.log else sys.stderr
    desk = Desk(given.size, log)
    try:
        desk.open()
        desk.program = desk.start(given.command, stdout=log, stderr=log)
        print(f"display {desk.environment['DISPLAY']}", flush=True)
        for line in sys.stdin:
            words = shlex.split(line)
            if not words:
                continue
            if words[0] == "end":
                break
            try:
                print(desk.answer(words), flush=True)
            except (error.XError, IndexError, ValueError, subprocess.TimeoutExpired) as problem:
                print(f"error {' '.join(str(problem).split()) or type(problem).__name__}", flush=True)
    except (RuntimeError, OSError, error.DisplayError, error.ConnectionClosedError) as problem:
        print(f"error {problem}", flush=True)
        return 1
    finally:
        desk.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
