#!/bin/sh
# Makes sure the Debian packages named as arguments are installed: as root it installs them, otherwise it prints the
# one command to run. A package counts as there when its main command is (a machine may have node from elsewhere).
set -eu

PATH="$PATH:/usr/sbin:/sbin"

is_there() {
    case "$1" in
        nodejs) command -v node ;;
        systemd) command -v systemd-analyze ;;
        systemd-container) command -v systemd-nspawn ;;
        iproute2) command -v ip ;;
        nftables) command -v nft ;;
        mosquitto-clients) command -v mosquitto_sub ;;
        python3-venv) "${PYTHON:-python3}" -c 'import ensurepip, venv' ;;
        *) command -v "$1" ;;
    esac
}

missing=""
for package in "$@"; do
    is_there "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "These Debian packages are needed:$missing" >&2
    echo "Run this, then start again:  sudo apt-get update && sudo apt-get install --yes --no-install-recommends$missing" >&2
    exit 1
fi
echo "installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # one word per package
apt-get install --yes -qq --no-install-recommends $missing >/dev/null
