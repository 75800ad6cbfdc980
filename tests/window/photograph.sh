#!/bin/sh
# Starts a program in a window of its own X server, photographs the screen and ends the program.
# Usage: photograph.sh PICTURE.png WIDTHxHEIGHT PROGRAM [ARGUMENT...]
# Needs Xvfb, openbox, xdotool, xwd/import (ImageMagick).
set -eu
picture=$1 size=$2
shift 2

work=$(mktemp -d)
pids=
finish() {
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT
# The server picks a free display and writes its number when it accepts clients.
mkfifo "$work/display"
Xvfb -displayfd 3 -screen 0 "${size}x24" -nolisten tcp 3>"$work/display" 2>"$work/xvfb.log" &
pids="$!"
read -r number <"$work/display"
export DISPLAY=":$number" HOME="$work" XDG_CONFIG_HOME="$work" XDG_DATA_HOME="$work"
unset WAYLAND_DISPLAY
openbox 2>"$work/openbox.log" &
pids="$! $pids"
"$@" 2>"$work/program.log" &
program=$!
pids="$program $pids"
window=$(timeout 20 xdotool search --sync --onlyvisible --name '^Packhouse' | head -n 1)
# The title bar takes its part of the screen.
xdotool windowmove "$window" 0 0 windowsize "$window" "${size%x*}" "$((${size#*x} - 24))"
# Two equal pictures in a row: the window has settled.
last=
for attempt in 1 2 3 4 5 6 7 8 9 10 11 12; do
    import -window root "$work/now.png"
    now=$(convert "$work/now.png" -colors 256 rgb:- | sha256sum)
    count=$(identify -format '%k' "$work/now.png")
    [ "$now" = "$last" ] && [ "$count" -gt 8 ] && break
    last=$now
done
kill -0 "$program" || { cat "$work/program.log" >&2; exit 1; }
cp "$work/now.png" "$picture"
echo "$picture: window $window, $count colours, attempt $attempt"
