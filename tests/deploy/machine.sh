#!/bin/sh
# The package on a machine of its own that systemd runs: machine.sh FOLDER OLD.deb NEW.deb, as root.
# The machine is a container of systemd-nspawn with the Debian of this one, and is kept in FOLDER:
# its root file system is copied afresh for each run.
set -eu
folder=$1 old=$2 new=$3
here=$(dirname "$0")
base=$folder/base root=$folder/root console=$folder/console.log
# How long the machine may take to start or to stop, in seconds.
patience=120

fail() {
    echo "machine.sh: $*" >&2
    [ ! -e "$console" ] || tail -n 30 "$console" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail "a machine of its own needs root"
mkdir -p "$folder"
# One run at a time has the folder.
exec 9>"$folder/lock"
flock 9
if [ ! -e "$base.whole" ]; then
    rm -rf "$base"
    . /etc/os-release
    # From wherever this machine has its packages.
    from=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
        sed -n "s/^$VERSION_CODENAME //p" | head -n 1)
    [ -n "$from" ] || fail "apt-get knows no packages of $VERSION_CODENAME"
    # No certificate authorities: those that the server believes are compiled in.
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,adduser \
        "$VERSION_CODENAME" "$base" "$from" >"$folder/debootstrap.log" 2>&1 ||
        { tail -n 20 "$folder/debootstrap.log" >&2; fail "debootstrap has failed"; }
    touch "$base.whole"
fi
# The root file system as it is before, with the packages and what is run there.
fresh() {
    rm -rf "$root"
    cp -a --reflink=auto "$base" "$root"
    cp "$old" "$root/srv/old.deb"
    cp "$new" "$root/srv/new.deb"
    cp "$here/inside.sh" "$here/package.sh" "$root/srv/"
    # The newest store of an earlier version that is kept, with one of its keys and what that finds.
    stores=$here/../fixtures/stores
    cp -r "$stores/$(ls "$stores" | sort -V | tail -n 1)/files" "$root/srv/kept"
    python3 - "$root/srv/kept" <<'END'
import json, pathlib, sys
kept = pathlib.Path(sys.argv[1])
whole = json.loads((kept / "expected.json").read_text())
caller = whole["callers"]["two"]
found = next(read["answer"] for read in whole["reads"] if read["caller"] == "two"
             and "/find?" in read["get"] and read["answer"].get("name") == "token"
             and read["answer"]["scope"] == {"type": "account"})
(kept / "key").write_text("".join(caller["key"]))
(kept / "account").write_text(caller["account"])
(kept / "value").write_text(found["payload"])
END
}

machine= init=
ended() {
    if [ -n "$machine" ]; then
        # What nspawn takes for: halt at once.
        kill -TERM "$machine" 2>/dev/null || true
        wait "$machine" 2>/dev/null || true
    fi
    rm -rf "$root"
}
trap ended EXIT

# Runs a command in the machine.
inside() {
    nsenter --target "$init" --mount --uts --ipc --net --pid \
        env -i --chdir=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"
}

boot() {
    systemd-nspawn --quiet --directory "$root" --boot --register=no --keep-unit \
        --private-network --machine "coffer-$$" </dev/null >"$console" 2>&1 9>&- &
    machine=$! tries=0
    until init=$(pgrep --parent "$machine" --exact systemd) &&
        inside systemctl is-system-running 2>/dev/null | grep -Eq '^(running|degraded)$'; do
        tries=$((tries + 1))
        kill -0 "$machine" 2>/dev/null || fail "the machine has ended"
        [ $tries -lt $((patience * 5)) ] || fail "the machine is not up"
        sleep 0.2
    done
}

shut_down() {
    inside systemctl poweroff --no-block
    tries=0
    while kill -0 "$machine" 2>/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt $((patience * 5)) ] || fail "the machine does not stop"
        sleep 0.2
    done
    machine=
}

echo "== without a service manager"
fresh
systemd-nspawn --quiet --directory "$root" --register=no --keep-unit --private-network --as-pid2 \
    --machine "coffer-$$" env -u NOTIFY_SOCKET \
    sh /srv/package.sh /srv/old.deb /srv/new.deb </dev/null || fail "see above"
fresh
boot
inside sh /srv/inside.sh installed || fail "see above"
shut_down
boot
inside sh /srv/inside.sh booted || fail "see above"
shut_down
echo "the package does what it says on a machine that systemd runs"
