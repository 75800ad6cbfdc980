#!/usr/bin/env python3
"""Drags files and folders onto a window, as a file manager would: X11 drag and drop (XDnD, version 5).

    xdnd_source.py [--title TEXT | --window ID] [--at X,Y] [--timeout SECONDS] PATH...

The window is the first whose title contains TEXT, or the one with this id (decimal or 0x...). The pointer really moves
there with its button held, and lets go over X,Y of the window (its middle without --at).

Ends with 0 when the window reported the drop as finished and accepted; with 1, and words, when it did not in time,
refused it, or was not found; with 2 when the call was wrong. Speaks python-xlib only; DISPLAY names the screen.
"""

import argparse
import os
import select
import sys
import time
import urllib.parse

from Xlib import X, Xatom, display, error
from Xlib.ext import xtest
from Xlib.protocol import event

VERSION = 5
# A property is written in parts: the server refuses a longer request.
PART_BYTES = 64 * 1024


class Failed(Exception):
    """The drag did not come to its end; the text says where it stopped."""


def uri_list(paths):
    """The text/uri-list (RFC 2483) of these paths: absolute, percent-encoded byte by byte, each line ended CR LF."""
    lines = []
    for path in paths:
        # The path itself is dragged, not what a link points to.
        encoded = urllib.parse.quote(os.fsencode(os.path.abspath(path)), safe="/")
        lines.append("file://" + encoded + "\r\n")
    return "".join(lines).encode("ascii")


def title_of(screen, window):
    """The title of a window as text, or an empty text."""
    for name in ("_NET_WM_NAME", "WM_NAME"):
        try:
            found = window.get_full_property(screen.intern_atom(name), X.AnyPropertyType)
        except error.BadWindow:
            return ""
        if found and found.value:
            value = found.value
            return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return ""


def window_with_title(screen, title, root=None):
    """The first viewable window whose title contains `title`, or None."""
    waiting = [root or screen.screen().root]
    while waiting:
        window = waiting.pop(0)
        try:
            children = window.query_tree().children
            if title in title_of(screen, window):
                # A window manager's frame may repeat the title: the window itself says WM_STATE.
                if window.get_full_property(screen.intern_atom("WM_STATE"), X.AnyPropertyType):
                    if window.get_attributes().map_state == X.IsViewable:
                        return window
        except error.XError:
            # It closed while we looked.
            continue
        waiting.extend(children)
    return None


class Drag:
    """One drag from its beginning to its end."""

    def __init__(self, screen, paths, deadline):
        self.screen = screen
        self.deadline = deadline
        self.list = uri_list(paths)
        self.root = screen.screen().root
        self.atoms = {}
        self.served = False
        self.source = self.root.create_window(
            0, 0, 8, 8, 0, screen.screen().root_depth, override_redirect=True, event_mask=X.PropertyChangeMask
        )

    def atom(self, name):
        if name not in self.atoms:
            self.atoms[name] = self.screen.intern_atom(name)
        return self.atoms[name]

    def next_event(self, wanted, what):
        """Serves the drag until `wanted(event)`; fails with `what` when the time is over."""
        while True:
            while self.screen.pending_events():
                found = self.screen.next_event()
                if found.type == X.SelectionRequest:
                    self.serve(found)
                elif wanted(found):
                    return found
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise Failed(what)
            select.select([self.screen.fileno()], [], [], left)

    def wait(self, condition, what):
        """Looks again at every change of the screen, and ten times a second, until `condition()` gives something."""
        while True:
            found = condition()
            if found:
                return found
            left = self.deadline - time.monotonic()
            if left <= 0:
                raise Failed(what)
            select.select([self.screen.fileno()], [], [], min(left, 0.1))
            while self.screen.pending_events():
                self.screen.next_event()

    def server_time(self):
        """The server's clock: selections and drops are dated by it."""
        self.source.change_property(Xatom.WM_NAME, Xatom.STRING, 8, b"drag")
        self.screen.flush()
        return self.next_event(lambda e: e.type == X.PropertyNotify, "the X server gave no time").time

    def serve(self, request):
        """Answers the window that asks what is dragged."""
        place = request.property or request.target
        if request.target == self.atom("TARGETS"):
            offered = [self.atom("TARGETS"), self.atom("text/uri-list")]
            request.requestor.change_property(place, Xatom.ATOM, 32, offered)
        elif request.target == self.atom("text/uri-list"):
            # The target must not read the list between two parts: it would see it cut, or twice.
            self.screen.grab_server()
            for start in range(0, len(self.list), PART_BYTES):
                mode = X.PropModeReplace if start == 0 else X.PropModeAppend
                part = self.list[start : start + PART_BYTES]
                request.requestor.change_property(place, request.target, 8, part, mode)
            self.screen.ungrab_server()
            self.served = True
        else:
            place = X.NONE
        request.requestor.send_event(
            event.SelectionNotify(
                time=request.time,
                requestor=request.requestor,
                selection=request.selection,
                target=request.target,
                property=place,
            )
        )
        self.screen.flush()

    def tell(self, name, data):
        message = event.ClientMessage(window=self.target, client_type=self.atom(name), data=(32, data))
        self.listener.send_event(message)
        self.screen.flush()

    def is_answer(self, name):
        kind = self.atom(name)
        return lambda e: e.type == X.ClientMessage and e.client_type == kind and e.data[1][0] == self.target.id

    def onto(self, target, at):
        """Drags onto `target`; returns when it says that it has taken the drop."""
        self.target = target
        aware = self.wait(
            lambda: target.get_full_property(self.atom("XdndAware"), Xatom.ATOM),
            "the window takes no drops (it has no XdndAware)",
        )
        version = min(VERSION, int(aware.value[0]))
        if version < 3:
            raise Failed(f"the window speaks XDnD {version}, 3 is the least")
        proxy = target.get_full_property(self.atom("XdndProxy"), Xatom.WINDOW)
        self.listener = self.screen.create_resource_object("window", int(proxy.value[0])) if proxy else target

        size = target.get_geometry()
        inside = at or (size.width // 2, size.height // 2)
        # translate_coords of python-xlib: where a point of the argument lies in the window it is called on.
        place = self.root.translate_coords(target, *inside)
        x, y = place.x, place.y

        now = self.server_time()
        self.source.set_selection_owner(self.atom("XdndSelection"), now)
        if self.screen.get_selection_owner(self.atom("XdndSelection")) != self.source:
            raise Failed("another program holds the drag (XdndSelection)")
        self.source.change_property(
            self.atom("XdndTypeList"), Xatom.ATOM, 32, [self.atom("text/uri-list")]
        )

        mask = X.PointerMotionMask | X.ButtonReleaseMask
        self.source.map()
        self.screen.sync()
        answer = self.source.grab_pointer(False, mask, X.GrabModeAsync, X.GrabModeAsync, X.NONE, X.NONE, X.CurrentTime)
        if answer != X.GrabSuccess:
            raise Failed("the pointer is held by another program")
        xtest.fake_input(self.screen, X.ButtonPress, 1)
        try:
            self.tell("XdndEnter", [self.source.id, version << 24, self.atom("text/uri-list"), 0, 0])
            # Up to it in a few steps: a window may look at the way, not only at the end of it.
            for step in (8, 4, 2, 1, 0):
                xtest.fake_input(self.screen, X.MotionNotify, x=x - step, y=y - step)
                moved = self.server_time()
                position = ((x - step) & 0xFFFF) << 16 | ((y - step) & 0xFFFF)
                self.tell("XdndPosition", [self.source.id, 0, position, moved, self.atom("XdndActionCopy")])
                status = self.next_event(self.is_answer("XdndStatus"), "the window did not answer the drag over it")
        finally:
            xtest.fake_input(self.screen, X.ButtonRelease, 1)
            self.screen.ungrab_pointer(X.CurrentTime)
            self.source.unmap()
            self.screen.flush()
        if not status.data[1][1] & 1:
            self.tell("XdndLeave", [self.source.id, 0, 0, 0, 0])
            raise Failed("the window refuses what is dragged")
        self.tell("XdndDrop", [self.source.id, 0, self.server_time(), 0, 0])
        finished = self.next_event(self.is_answer("XdndFinished"), "the window did not finish the drop")
        if not self.served:
            raise Failed("the window finished the drop without asking what it was")
        if version >= 5 and not finished.data[1][1] & 1:
            raise Failed("the window finished the drop and did not accept it")


def position(text):
    x, _, y = text.partition(",")
    return int(x), int(y)


def main():
    parser = argparse.ArgumentParser(description="drags files and folders onto a window (X11, XDnD 5)")
    parser.add_argument("paths", nargs="+", metavar="PATH")
    window = parser.add_mutually_exclusive_group(required=True)
    window.add_argument("--title", help="part of the window's title")
    window.add_argument("--window", type=lambda text: int(text, 0), help="the window's id")
    parser.add_argument("--at", type=position, help="X,Y in the window (its middle)")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for the whole drag (10)")
    given = parser.parse_args()
    for path in given.paths:
        if not os.path.lexists(path):
            parser.error(f"no such file or folder: {path}")
    try:
        screen = display.Display()
    except error.DisplayError as problem:
        print(f"xdnd_source: no screen: {problem}", file=sys.stderr)
        return 1
    try:
        drag = Drag(screen, given.paths, time.monotonic() + given.timeout)
        if given.window is not None:
            target = screen.create_resource_object("window", given.window)
        else:
            target = drag.wait(
                lambda: window_with_title(screen, given.title), f"no window has {given.title!r} in its title"
            )
        drag.onto(target, given.at)
    except (Failed, error.XError, error.ConnectionClosedError) as problem:
        if isinstance(problem, error.BadWindow):
            problem = "there is no such window"
        print(f"xdnd_source: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
