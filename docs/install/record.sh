#!/bin/sh
# Records transcript.txt: the commands of README.md, in a terminal of 100 columns, on the simulated line in /tmp/field.
# Needs tmux, and `plantgate` and `python` of the same installation on PATH. Run it in the repository's folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
desk=$(mktemp -d)
terminal="tmux -L plantgate-record"
trap '$terminal kill-server 2>/dev/null; rm -rf "$desk"' EXIT
sed -n '/^```toml/,/^```/p' "$here/README.md" | sed '/^```/d' > "$desk/head.toml"

$terminal -f /dev/null new-session -d -x 100 -y 2000 -c "$(dirname "$(dirname "$here")")" 'PS1="$ " exec sh'
$terminal send-keys 'python -m drivers.sim --plant --serial /tmp/field' Enter
until [ -e /tmp/field/rs485 ]; do sleep 0.2; done
$terminal new-window -c "$desk" 'PS1="$ " exec sh'

# Type a command, wait until the prompt is back. `stop` presses Ctrl-C once a text is on the screen.
type_in() { $terminal send-keys "$1" Enter; sleep 1; }
wait_for() { until $terminal capture-pane -p -S - | sed '/^$/d' | tail -n 1 | grep -q '^\$ *$'; do sleep 0.3; done; }
stop_at() { until $terminal capture-pane -p -S - | grep -q "$1"; do sleep 0.3; done; sleep "$2"; $terminal send-keys C-c; wait_for; }

type_in 'plantgate scan /tmp/field/rs485'
stop_at 'found DL/T 645 meter' 8
for command in \
    'plantgate scan /tmp/field/rs485 --baud 9600 --baud 2400 --units 1-10 --toml > found.toml' \
    'cat found.toml' 'cat head.toml found.toml > site.toml' 'plantgate check site.toml' 'plantgate plan site.toml' \
    'plantgate read site.toml' 'plantgate identify site.toml' 'plantgate key make site.toml' 'plantgate run site.toml &'
do
    type_in "$command"
    wait_for
done
sleep 12
type_in 'plantgate watch site.toml meter-3 --for 1 | cat'
sleep 4
type_in 'kill %1 && wait'
sleep 3
$terminal capture-pane -p -S - | sed -e 's/ *$//' -e "s,$desk,.,g" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' > "$here/transcript.txt"
