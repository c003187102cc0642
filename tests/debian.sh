#!/bin/sh
# Makes sure the Debian packages named as arguments are installed: as root it installs them, otherwise it prints the
# one command to run. A package counts as there when its main command is (a machine may have node from elsewhere).
set -eu

command_of() {
    case "$1" in
        nodejs) echo node ;;
        systemd) echo systemd-analyze ;;
        iproute2) echo ip ;;
        nftables) echo nft ;;
        python3-venv) echo "" ;;
        *) echo "$1" ;;
    esac
}

missing=""
for package in "$@"; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "$(command_of "$package")" >/dev/null 2>&1 || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "These Debian packages are needed by the tests:$missing" >&2
    echo "Run this, then start again:  sudo apt-get update && sudo apt-get install --yes --no-install-recommends$missing" >&2
    exit 1
fi
echo "installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # one word per package
apt-get install --yes -qq --no-install-recommends $missing >/dev/null
