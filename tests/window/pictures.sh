#!/bin/sh
# Photographs the console on a sample library, for the README and for looking at it.
# Usage: pictures.sh FOLDER THEME WIDTHxHEIGHT [SCENE...]
#   scenes: library list many question seal new-package empty history general contents procedures history-tab
#           history-details move hand-over tasks keys settings palette shortcuts help choose-library unreachable check
#           search blocks blocks-damaged blocks-archive new-package-long new-package-exists items steps several
#           contents-tree archived retired auto-registered inconsistent groups archive unseal remove new-version
#           several-delete repair watched drag read-only nothing long downloads downloads-new downloads-long recovery
#           jobs computers job-wizard jobs-nothing delivery-tab delivery-refused delivery-long staging staging-nothing
#           stage-dialog
# SCALE is the size of everything on the screen, 1 if it is not set.
# PLACE names a folder that does not exist, for the sample library; it is removed at the end.
# Needs the built program and the examples `sample_library` and `sample_delivery`, Xvfb, openbox, xdotool and ImageMagick; scenes of downloads
# the built `packhouse-cli` and nginx too.
set -eu
folder=$1 theme=$2 size=$3
shift 3
root=$(cd "$(dirname "$0")/../.." && pwd)
program=${PACKHOUSE:-$root/target/debug/packhouse}
sample=${SAMPLE:-$root/target/debug/examples/sample_library}
mkdir -p "$folder"
work=$(mktemp -d)
# Where the sample library lies; its path stands in the pictures.
place=${PLACE:-$work/sample}
pids=
finish() {
    for pid in $pids; do kill "$pid" 2>/dev/null || true; done
    wait 2>/dev/null || true
    umount "$work/mount" 2>/dev/null || true
    rm -rf "$work" "$place"
}
trap finish EXIT
"$sample" "$place"
mkfifo "$work/display"
Xvfb -displayfd 3 -screen 0 "${size}x24" -nolisten tcp 3>"$work/display" 2>"$work/xvfb.log" &
pids="$!"
read -r number <"$work/display"
export DISPLAY=":$number" HOME="$work" XDG_CONFIG_HOME="$work" XDG_DATA_HOME="$work" USER=anna
unset WAYLAND_DISPLAY
openbox 2>"$work/openbox.log" &
pids="$! $pids"

settle() {
    last=
    for _ in 1 2 3 4 5 6 7 8; do
        import -window root "$work/now.png"
        now=$(sha256sum <"$work/now.png")
        [ "$now" = "$last" ] && return
        last=$now
    done
}
start() {
    rm -rf "$work/packhouse"
    PACKHOUSE_KEYS="$place/keys" WINIT_X11_SCALE_FACTOR="${SCALE:-1}" "$program" --theme "$theme" "$@" 2>"$work/program.log" &
    running=$!
    pids="$running $pids"
    window=$(timeout 20 xdotool search --sync --onlyvisible --name '^Packhouse' | head -n 1)
    xdotool windowmove "$window" 0 0 windowsize "$window" "${size%x*}" "$((${size#*x} - 24))"
    xdotool windowfocus --sync "$window" mousemove 5 5
    settle
    settle
}
photo() {
    settle
    convert "$work/now.png" -strip "$folder/$1-$theme.png"
    echo "$folder/$1-$theme.png"
}
press() { xdotool key --window 0 "$@"; settle; }
# A row of the list is reached by typing the first letters of its name.
choose() {
    # The middle of the first row.
    xdotool mousemove 420 "${2:-160}" click 1
    settle
    xdotool type --delay 30 "$1"
    settle
}
stop() { kill "$running" 2>/dev/null || true; wait "$running" 2>/dev/null || true; }

# Somebody else's library, sealed with a key that is trusted here, and nginx in front of it: a slow server, one with bad
# blocks, and one that can be stopped.
theirs="$work/theirs"
their() { PACKHOUSE_KEYS="$place/keys" "${program%packhouse}packhouse-cli" --library "$theirs" "$@" >/dev/null 2>&1; }
# Name, version, KiB of each of its files.
publish() {
    name=$1 version=$2
    shift 2
    source="$work/source-of-$name"
    mkdir -p "$source/share/symbols"
    number=0
    for kib in "$@"; do
        number=$((number + 1))
        head -c "$((kib * 1024))" /dev/urandom >"$source/share/symbols/part-$number.dat"
    done
    their register "$source" --name "$name" --version "$version" && their seal "$name" --block-size 256K
}
serve_theirs() {
    cp -r "$theirs/packages" "$work/bad"
    for at in 3 4 40 41 90 150; do
        find "$work/bad" -name 'part-1.dat' -size +50M | while read -r file; do
            printf 'bad' | dd of="$file" bs=262144 seek=$at conv=notrunc 2>/dev/null
        done
    done
    mkdir -p "$work/nginx"
    for server in "slow 8091 $theirs/packages 90k" "bad 8092 $work/bad 60k" "gone 8093 $theirs/packages 60k" \
        "quick 8094 $theirs/packages 0"; do
        # shellcheck disable=SC2086
        set -- $server
        cat >"$work/nginx/$1.conf" <<CONF
pid $work/nginx/$1.pid; error_log $work/nginx/$1.log; daemon off; master_process off;
events {} http { access_log off; server { listen 127.0.0.1:$2; root $3; limit_rate $4; etag on; } }
CONF
        nginx -p "$work/nginx" -c "$work/nginx/$1.conf" 2>/dev/null &
        pids="$! $pids"
        eval "server_$1=$!"
    done
}
# Computers, agents and jobs in the sample library.
with_delivery() { [ -d "$place/site" ] || "${sample%library}delivery" "$place"; }
# Address, and a further codebase.
download() {
    press ctrl+d; xdotool type --delay 40 "$1"; settle; press Tab; press Tab; press Tab; press Tab
    if [ $# -gt 1 ]; then xdotool type --delay 40 "$2"; fi
    # Beside the fields, so that none of them takes Enter.
    xdotool mousemove "$((${size%x*} / 2 + 200))" "$((${size#*x} / 2 - ${DIALOG_TOP:-215}))" click 1
    settle; settle; settle
}

library="$place/library"
for scene in "${@:-library}"; do
    case $scene in
    library)
        start --library "$library"
        choose inks; photo library-plain
        press alt+Return; photo library; stop ;;
    list)
        # Details pane, filter row, several selected; then the menu of the header and the dialog of columns.
        start --library "$library"
        choose inks; press F4; photo list-details
        press ctrl+shift+f; xdotool type --delay 30 i; settle; photo list-filter
        choose ins 190; press shift+Down shift+Down shift+Down; photo list-several
        xdotool mousemove 560 138 click 3; settle; photo list-header
        press Escape Escape; stop ;;
    many)
        # A library of many packages, named by MANY.
        start --library "$MANY"
        # Reading it takes longer than a picture that does not change any more.
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do import -window root "$work/wait.png"; done
        choose reader; press F4; photo many
        press ctrl+a; photo many-selected; stop ;;
    general | contents | procedures | history-tab)
        start --library "$library"
        choose "${PACKAGE:-blen}"; press alt+Return
        case $scene in contents) press ctrl+Tab; press ctrl+Tab ;; procedures) press ctrl+Tab; press ctrl+Tab; press ctrl+Tab ;;
        history-tab) press ctrl+shift+Tab ;; esac
        photo "$scene"; stop ;;
    several)
        # The window of several packages: what they have in common, then their findings and their history.
        start --library "$library"
        choose ins 190; press shift+Down shift+Down shift+Down; press Return; photo several
        press ctrl+Tab; photo several-consistency; press ctrl+Tab; photo several-history; stop ;;
    contents-tree)
        # A package with folders; the first one is chosen, so that what can be done with it is not grey.
        start --library "$library"
        choose "${PACKAGE:-blen}"; press alt+Return; press ctrl+Tab; press ctrl+Tab
        photo contents-tree; stop ;;
    blocks)
        start --library "$library"
        choose "${PACKAGE:-blen}"; press alt+Return
        press ctrl+Tab; press ctrl+Tab; press ctrl+Tab; press ctrl+Tab
        photo blocks-never
        press shift+F5; settle; settle; photo blocks; stop ;;
    blocks-damaged)
        start --library "$library"
        # Twelve bytes in three blocks, and a file that is gone.
        data="$library/packages/KiCad/8.0.7/data"
        for at in 5 11 12; do
            printf 'damaged here' | dd of="$data/bin/program.exe" bs=1M seek=$at conv=notrunc 2>/dev/null
        done
        rm "$data/share/part-07.dat"
        choose kic; press alt+Return; press shift+F5; settle
        press ctrl+Tab; press ctrl+Tab; press ctrl+Tab; press ctrl+Tab
        press F8; photo blocks-damaged; stop ;;
    blocks-archive)
        start --library "$library"
        choose freec; press alt+Return
        press ctrl+Tab; press ctrl+Tab; press ctrl+Tab; press ctrl+Tab
        photo blocks-archive; stop ;;
    question)
        start --library "$library"
        choose openttd
        # Its check is off: change a file, tick the box, apply.
        echo new >"$library/packages/OpenTTD/14.1/data/share/surprise.txt"
        rm "$library/packages/OpenTTD/14.1/data/COPYING"
        press alt+Return; press ctrl+Tab
        xdotool mousemove "$(( ${size%x*} / 2 - 406 ))" "$(( ${size#*x} / 2 - 109 ))" click 1; settle
        photo ticked
        xdotool mousemove "$(( ${size%x*} / 2 + 387 ))" "$(( ${size#*x} / 2 + 302 ))" click 1; settle
        photo question; stop ;;
    seal)
        start --library "$library"
        choose r; xdotool mousemove 187 66 click 1; settle
        photo seal; stop ;;
    history-details)
        start --library "$library"
        press ctrl+7; xdotool mousemove 420 "${ROW:-186}" click 1; settle; photo history-details; stop ;;
    move | hand-over)
        start --library "$library"
        words="hand over"
        [ "$scene" = move ] && words="move library"
        press ctrl+k; xdotool type --delay 30 "$words"; settle; press Return
        settle; photo "$scene"; stop ;;
    history) start --library "$library"; press ctrl+7; photo history; stop ;;
    tasks)
        start --library "$library"
        choose inks; press F5; choose blen; press shift+F5
        press ctrl+8; photo tasks; stop ;;
    check) start --library "$library"; press ctrl+6; photo check-before
        xdotool mousemove 300 170 click 1; settle; photo check; stop ;;
    search)
        start --library "$library"
        press ctrl+f; xdotool type --delay 30 "*.dll"; press Return
        photo search; stop ;;
    keys) start --library "$library"; press ctrl+9; photo keys; stop ;;
    choose-library)
        start --library "$library"; press ctrl+o; settle; photo choose-library; stop ;;
    unreachable)
        start --library "$library"
        mv "$library" "$library.away"
        timeout 10 sh -c 'while import -window root "$1/now.png"; do
            sum=$(sha256sum <"$1/now.png"); [ "$sum" != "${first:-$sum}" ] && break; first=$sum; done' sh "$work" || true
        settle; photo unreachable
        mv "$library.away" "$library"; stop ;;
    settings)
        start --library "$library"; press ctrl+comma; photo settings
        xdotool mousemove 640 500 click --repeat 12 5; settle; photo settings-end; stop ;;
    palette)
        start --library "$library"
        choose inks; press ctrl+k; xdotool type --delay 30 "ar"; settle
        photo palette; stop ;;
    shortcuts) start --library "$library"; press question; photo shortcuts; stop ;;
    help) start --library "$library"; press F1; photo help; stop ;;
    new-package)
        start --library "$library" "$place/source/Inkscape 1.4.1"
        photo new-package
        xdotool mousemove 500 500 click --repeat 20 5; settle; photo new-package-below; stop ;;
    new-package-long)
        start --library "$library" "$place"/source/Enterprise*
        photo new-package-long
        xdotool mousemove 500 500 click --repeat 20 5; settle; photo new-package-long-below; stop ;;
    new-package-exists)
        start --library "$library" "$place/source/Inkscape 1.4.1"
        xdotool mousemove 600 362 click 1 key ctrl+a; xdotool type --delay 30 1.4; settle
        press Escape Return; photo new-package-exists; stop ;;
    items)
        start --library "$library"
        python3 "$root/tests/window/xdnd_source.py" --window "$window" --timeout 20 "$place/source/"* >/dev/null
        settle; photo items-all
        xdotool mousemove "$((${size%x*} / 2 - 382))" "$((${size#*x} / 2 + 7))" click 1; settle; settle
        photo items; stop ;;
    steps)
        start --library "$library"
        choose r; press alt+Return; photo steps; stop ;;
    archived) start --library "$library"; press ctrl+3; choose fre; photo archived; stop ;;
    retired) start --library "$library"; press ctrl+4; photo retired; stop ;;
    auto-registered) start --library "$library"; press ctrl+2; photo auto-registered; stop ;;
    inconsistent)
        rm -r "$library/packages/PuTTY/0.82"
        PACKHOUSE_KEYS="$place/keys" "${program%packhouse}packhouse-cli" --library "$library" check PuTTY >/dev/null 2>&1 || true
        start --library "$library"; press ctrl+5; choose inks; photo inconsistent; stop ;;
    repair)
        # A package whose archive still has everything: its Consistency tab, the plan, and what a library check says.
        cli() { PACKHOUSE_KEYS="$place/keys" "${program%packhouse}packhouse-cli" --library "$library" "$@" >/dev/null 2>&1 || true; }
        cli archive Blender --to "$place/archives"; cli restore Blender
        data="$library/packages/Blender/4.3.2/data"
        printf x | dd of="$data/bin/program.exe" bs=1 seek=9000000 conv=notrunc 2>/dev/null
        rm "$data/share/readme.txt"; echo "print('exported')" >"$data/share/new_export.py"
        cli check --all --deep
        start --library "$library"; choose blen; press alt+Return; photo repair-tab
        xdotool mousemove 368 529 click 1; settle; press Return; photo compare; press Return; settle; photo compared
        press Escape; press ctrl+k; xdotool type --delay 30 repair; settle; press Return; settle; settle; photo repair
        press Escape Escape; press ctrl+6; settle; photo repair-check; stop ;;
    groups) start --library "$library"; xdotool mousemove 100 203 click 1; settle; photo groups; stop ;;
    archive | unseal | remove | new-version)
        start --library "$library"; choose blen
        press ctrl+k; xdotool type --delay 30 "$(echo "$scene" | tr - ' ')"; settle; press Return; settle; photo "$scene"; stop ;;
    several-delete)
        start --library "$library"
        choose ins 190; press shift+Down shift+Down shift+Down; press Delete; photo several-delete; stop ;;
    watched)
        # A watched folder whose two folders became a package each, and one that is not there.
        mkdir -p "$place/drop/Tool 1.2" "$place/drop/Other 3.0"
        echo tool >"$place/drop/Tool 1.2/tool.exe"; echo other >"$place/drop/Other 3.0/other.exe"
        start --library "$library"
        press ctrl+comma
        for watched in "$place/drop" "$place/not there yet"; do
            press ctrl+k; xdotool type --delay 30 "settings"; settle; press Return
            xdotool mousemove 640 500 click --repeat 12 5; settle
            xdotool mousemove "${WATCH_X:-330}" "${WATCH_Y:-562}" click 1; settle
            xdotool type --delay 20 "$watched"; press Return
        done
        xdotool mousemove 640 500 click --repeat 12 5; settle; settle
        photo watched; press ctrl+2; photo auto-registered-two; stop ;;
    drag)
        start --library "$library"; choose ins 190; press shift+Down shift+Down
        xdotool mousemove 420 190 mousedown 1 mousemove 400 190 mousemove 300 210 mousemove 110 206 mousemove 112 208
        settle; photo drag; xdotool mouseup 1; stop ;;
    read-only)
        # The library on a read-only mount; needs the right to mount.
        mkdir -p "$work/mount"
        mount --bind "$library" "$work/mount" && mount -o remount,bind,ro "$work/mount"
        start --library "$work/mount"; choose inks 400; photo read-only
        press alt+Return; photo read-only-properties; stop; umount "$work/mount" ;;
    nothing)
        # Every list page without data.
        start --library "$work/nothing"
        for page in 2 3 4 5 6 7 8 9; do press "ctrl+$page"; photo "nothing-$page"; done
        stop ;;
    long)
        # Names as long as they may be, in every list.
        long="Enterprise Document Composition and Archive Connector for Mainframe Print Streams of Insurers"
        PACKHOUSE_KEYS="$place/keys" "${program%packhouse}packhouse-cli" --library "$library" register \
            "$place/source/Inkscape 1.4.1" --name "$long" --version 2026.11.4-hotfix.2-build.20261104.1 \
            --supplier "A company whose name takes a whole line of text and a little more" \
            --group "A group with a name that nobody would ever give to a group" >/dev/null
        start --library "$library"; choose ente; press F4; photo long
        press alt+Return; photo long-properties; press Escape
        press ctrl+7; photo long-history
        press ctrl+f; xdotool type --delay 30 "*.dll"; press Return; photo long-search; stop ;;
    downloads)
        publish KiCad 8.0.7 71680 10240 4096; publish Blender 4.3.2 20480 9000; publish Python 3.13.1 4200 20
        publish QGIS 3.34.14 40000; serve_theirs
        start --library "$place/here"
        press ctrl+0; photo downloads-empty
        download http://127.0.0.1:8094/Python/3.13.1/; photo downloads-new; press Return
        download http://127.0.0.1:8093/QGIS/3.34.14/; press Return
        download http://127.0.0.1:8091/Blender/4.3.2/; press Return
        download http://127.0.0.1:8091/KiCad/8.0.7/ http://127.0.0.1:8092/KiCad/8.0.7/; press Return
        kill "$server_gone"
        # Blocks arrive, and some are bad.
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do import -window root "$work/wait.png"; done
        xdotool mousemove 420 "${ROW:-127}" click 1; settle; photo downloads-first
        press Down; photo downloads-second
        press Down Down; photo downloads-fourth
        press F8; xdotool mousemove 700 420; settle; photo downloads-hover
        press ctrl+k; xdotool type --delay 30 "pause"; settle; press Return; photo downloads-paused
        press Delete; photo downloads-remove; press Escape
        press ctrl+1; photo downloads-beside; stop ;;
    downloads-new)
        # The dialog while nothing is typed, and the questions about seals.
        publish Python 3.13.1 4200 20; serve_theirs
        start --library "$work/new"
        press ctrl+d; photo downloads-dialog; press Escape
        mv "$place/keys" "$place/keys-of-others"
        download http://127.0.0.1:8094/Python/3.13.1/; photo downloads-unknown-offer
        press Return; photo downloads-unknown; press Escape
        rm "$theirs/packages/Python/3.13.1/reginfo.json.minisig" "$theirs/packages/Python/3.13.1/reginfo.json"
        download http://127.0.0.1:8094/Python/3.13.1/snapshot.meta4; photo downloads-unsigned-offer
        press Return; photo downloads-unsigned; press Escape
        download http://127.0.0.1:8094/nothing/; photo downloads-failed; press Escape
        mv "$place/keys-of-others" "$place/keys"; stop ;;
    recovery)
        # The sample of Help > See a recovery, then what is done to it.
        start --library "$work/newcomer"
        photo recovery-welcome
        press ctrl+k; xdotool type --delay 30 "see a recovery"; settle; press Return
        for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do import -window root "$work/wait.png"; done
        photo recovery; stop ;;
    downloads-long)
        long="Enterprise-Document-Composition-and-Archive-Connector-for-Mainframe-Print-Streams-of-Insurers"
        publish "$long" 2026.11.4-hotfix.2-build.20261104.1 30000
        serve_theirs
        start --library "$work/long"
        press ctrl+0
        download "http://127.0.0.1:8091/$long/2026.11.4-hotfix.2-build.20261104.1/"
        photo downloads-long-offer; press Return
        photo downloads-long; stop ;;
    jobs)
        # Jobs in every state: the list, the targets of one that failed in part, a refusal, the questions.
        with_delivery
        start --library "$library"
        press ctrl+shift+j; photo jobs
        xdotool mousemove 420 "${ROW:-170}" click 1; settle; press Delete; photo jobs-remove; press Escape
        # The third failed in part: a double click opens it.
        xdotool mousemove 420 "${THIRD:-214}" click --repeat 2 --delay 60 1; settle; settle
        # Beside the tree: the first target.
        xdotool mousemove 420 "${TARGET:-340}" click 1; settle; settle; photo job
        press ctrl+k; xdotool type --delay 30 "renew failed"; settle; press Return; settle; photo job-renew; press Escape
        press ctrl+k; xdotool type --delay 30 "halt"; settle; press Return; settle; photo job-halt; press Escape
        press ctrl+shift+j; xdotool mousemove 420 "${ROW:-170}" click 1; settle
        press Home Down Return; settle; settle; photo job-refused; press Escape; photo job-differs
        press ctrl+k; xdotool type --delay 30 "as a service"; settle; press Return; settle; photo job-service
        press Escape; press ctrl+k; xdotool type --delay 30 "start delivery"; settle; press Return; settle; settle
        press ctrl+shift+j; settle; photo jobs-managed
        press ctrl+q; settle; photo jobs-closing; press Escape; stop ;;
    computers)
        with_delivery
        start --library "$library"
        press ctrl+shift+m; settle; photo computers
        xdotool mousemove 420 "${ROW:-172}" click 1; settle; settle; photo computers-details
        press Return; photo computer-edit; press Escape
        press Delete; photo computers-remove; press Escape
        for words in "add computers" "groups" "enrolment" "packages to keep" "new group of"; do
            press ctrl+k; xdotool type --delay 30 "$words"; settle; press Return; settle
            photo "computers-$(echo "$words" | tr ' ' -)"; press Escape
        done
        press ctrl+k; xdotool type --delay 30 "enrolment"; settle; press Return; settle; press Return
        for _ in 1 2 3 4 5 6 7 8; do import -window root "$work/wait.png"; done
        settle; settle; photo computers-token; press Return
        press ctrl+k; xdotool type --delay 30 "packages to keep"; settle; press Return; settle
        for words in fire 7-z; do xdotool type --delay 30 "$words"; settle; press Return; done
        settle; photo computers-kept; press Escape
        printf 'name,group,test\nPC-900,Branch Bern,no\n,Branch Bern,no\nPC-901,,perhaps\n' >"$work/computers.csv"
        press ctrl+k; xdotool type --delay 30 "import csv"; settle; press Return; settle
        xdotool type --delay 10 "$work/computers.csv"; press Return; settle; photo computers-import; stop ;;
    job-wizard)
        with_delivery
        start --library "$library"
        press ctrl+j; settle; photo wizard-nothing
        xdotool type --delay 30 "7-zip"; press Return; xdotool type --delay 30 "notepad"; press Return; settle
        photo wizard-packages; press Return; settle
        xdotool type --delay 30 "PC-10"; settle; press Return; xdotool type --delay 30 "PC-30"; settle; press Return
        photo wizard-targets; press Return; settle
        photo wizard-times; press Return; settle; photo wizard-options; press Return; settle; settle; photo wizard-check
        stop ;;
    delivery-tab)
        # Where a package is: each of the four lists, then one that is nowhere, and one that is archived.
        with_delivery
        start --library "$library"
        choose 7-z; press alt+Return
        for _ in 1 2 3 4 5; do press ctrl+Tab; done
        settle; settle; photo delivery-tab
        # The chips of the lists: the window stands in the middle, whatever the size of the screen.
        middle=$((${size%x*} / 2)) top=$((${size#*x} / 2 - ${CHIPS:-76}))
        xdotool mousemove $((middle - 248)) "$top" click 1; settle; photo delivery-tab-installed
        xdotool mousemove $((middle - 207)) "$top" click 1; settle; photo delivery-tab-jobs
        xdotool mousemove $((middle - 60)) "$top" click 1; settle; photo delivery-tab-replacing; press Escape
        choose blen; press alt+Return; settle; settle; photo delivery-tab-nowhere; press Escape
        choose fre; press alt+Return; settle; photo delivery-tab-open; stop ;;
    delivery-refused)
        # What is staged, installed and in jobs: unsealing, removing and archiving it, alone and with others.
        with_delivery
        start --library "$library"
        choose 7-z
        for words in unseal remove archive; do
            press ctrl+k; xdotool type --delay 30 "$words"; settle; press Return; settle; settle; photo "delivery-$words"
            press Escape
        done
        choose 7-z; press shift+Down shift+Down shift+Down shift+Down shift+Down; settle
        press Delete; settle; photo delivery-remove-several; press Escape
        press alt+Return; press ctrl+Tab; press ctrl+Tab; settle; photo delivery-tab-several; stop ;;
    delivery-long)
        # Names as long as they may be, on the pages of jobs and computers.
        with_delivery
        long="The computer on the second desk of the reception of the branch office by the window with the broken key"
        group="A group of computers with a name that nobody would ever give to a group of computers"
        deliver() { PACKHOUSE_KEYS="$place/keys" "${program%packhouse}packhouse-cli" --library "$library" "$@" >/dev/null; }
        deliver computer add "$long" --group "$group" --comment "on loan since the trade fair, ask Anna before it is used"
        deliver job create 7-Zip --computer "$long" --group "$group" --name "$group, and then the same once more" --anyway
        start --library "$library"
        press ctrl+shift+j; photo long-jobs
        xdotool mousemove 420 "${ROW:-170}" click --repeat 2 --delay 60 1; settle; settle; photo long-job
        press ctrl+shift+m; settle; xdotool mousemove 420 "${ROW:-172}" click 1; xdotool type --delay 30 "the c"; settle
        photo long-computer
        xdotool mousemove 420 "${ROW:-172}" click 1; press Delete; photo long-computer-remove; stop ;;
    jobs-nothing)
        start --library "$work/nobody"
        press ctrl+shift+j; photo jobs-nothing; press ctrl+shift+m; photo computers-nothing
        press ctrl+j; settle; photo wizard-without; stop ;;
    staging)
        # The list with one that does not answer, its details, the property window, tab by tab, and the questions.
        with_delivery
        start --library "$library"
        press ctrl+shift+l; settle; settle; photo staging
        xdotool mousemove 420 "${ROW:-150}" click 1; settle; press l; settle; settle; photo staging-details
        press Return; settle; photo staging-general
        for tab in packages line computers history; do press ctrl+Tab; settle; photo "staging-$tab"; done
        press Escape; press Delete; photo staging-remove; press Escape
        press ctrl+k; xdotool type --delay 30 "reconcile"; settle; press Return; settle; settle; photo staging-reconciled
        press Escape; press ctrl+k; xdotool type --delay 30 "add staging"; settle; press Return; settle
        xdotool type --delay 20 "Lab"; press Tab; xdotool type --delay 20 "https://lab.example.invalid/packages"
        settle; photo staging-add
        press Escape; xdotool mousemove 420 "${ROW:-150}" click 1; settle; press m; settle; photo staging-gone
        press z; settle; photo staging-long; stop ;;
    stage-dialog)
        with_delivery
        start --library "$library"
        choose fire; press ctrl+k; xdotool type --delay 30 "stage…"; settle; press Return; settle; settle; photo stage-dialog
        press Escape; press ctrl+k; xdotool type --delay 30 "unstage"; settle; press Return; settle; photo unstage-dialog
        press Escape; choose 7; press ctrl+k; xdotool type --delay 30 "unstage"; settle; press Return; settle
        photo unstage-refused
        press Escape; choose fire; press ctrl+k; xdotool type --delay 30 "verify staged copy"; settle; press Return
        settle; settle; photo stage-verified; stop ;;
    staging-nothing)
        start --library "$work/nobody"
        press ctrl+shift+l; photo staging-nothing; stop ;;
    empty)
        start --library "$work/empty"; photo empty; stop ;;
    *) echo "unknown scene $scene" >&2; exit 2 ;;
    esac
done
