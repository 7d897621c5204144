#!/bin/sh
# What becomes of a machine by the Debian package: package.sh OLD.deb [NEW.deb], as root, on a
# machine without Coffer, whose service manager need not run. OLD again is an upgrade, too.
set -eu
old=$1 new=${2:-$1}
data=/var/lib/coffer
export DEBIAN_FRONTEND=noninteractive

fail() {
    echo "package.sh: $*" >&2
    exit 1
}

[ "$(id -u)" = 0 ] || fail "installing a package needs root"
for place in $data /etc/coffer /usr/bin/coffer; do
    [ ! -e "$place" ] || fail "$place is there already: this is for a machine without Coffer"
done

# Whether systemd starts the server and holds its socket.
wanted=/etc/systemd/system/multi-user.target.wants/coffer.service
listening=/etc/systemd/system/sockets.target.wants/coffer.socket
is_enabled() {
    [ -L $wanted ] && [ -L $listening ]
}

server=
ended() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    echo "coffer coffer/purge-data boolean true" | debconf-set-selections
    dpkg --purge coffer >/dev/null 2>&1 || true
}
trap ended EXIT

# As the unit runs it: the server's user, and a copy of the root key that only it can read.
as_coffer() {
    exec setpriv --reuid coffer --regid coffer --init-groups --inh-caps=-all \
        env COFFER_DATA_DIR=$data COFFER_ROOT_KEY_FILE="$credential" "$@"
}

serve() {
    as_coffer coffer serve --config /etc/coffer/coffer.toml --log-level warn &
    server=$!
    tries=0
    until coffer health --config /etc/coffer/coffer.toml >/dev/null 2>&1; do
        tries=$((tries + 1))
        kill -0 "$server" 2>/dev/null || fail "the server has ended"
        [ $tries -lt 300 ] || fail "the server is not ready"
        sleep 0.2
    done
}

echo "== installs, and starts nothing"
dpkg -i "$old" >/dev/null
getent passwd coffer >/dev/null || fail "no user coffer"
[ "$(stat -c '%U %G %a' $data)" = "coffer coffer 700" ] || fail "$data: $(stat -c '%U %a' $data)"
dpkg -s coffer | grep -q '^ /etc/coffer/coffer.toml ' || fail "coffer.toml is no conffile"
coffer init --data-dir $data --root-key /etc/coffer/root.key --app my-app --format json >/dev/null
chown -R coffer:coffer $data
[ "$(stat -c '%U %a' /etc/coffer/root.key)" = "root 600" ] || fail "who may read the root key?"
credential=$(mktemp -d)/coffer-root
chmod 711 "$(dirname "$credential")"
install -m 0400 -o coffer /etc/coffer/root.key "$credential"
serve

for link in $wanted $listening; do
    [ ! -L $link ] || fail "$link is there already"
done
systemctl --quiet enable coffer.service coffer.socket

echo "== upgrades beside the running server: the store is copied before, settings and data stay"
echo "# mine" >> /etc/coffer/coffer.toml
dpkg -i "$new" >/dev/null
dpkg -i "$new" >/dev/null
grep -q '^# mine$' /etc/coffer/coffer.toml || fail "the settings are not kept"
is_enabled || fail "an upgrade has disabled what was enabled"
copies=$(find $data/upgrades -name '*.backup' | wc -l)
[ "$copies" = 2 ] || fail "$copies files of backups, not the newest's two"
[ -z "$(find $data ! -user coffer)" ] || fail "$(find $data ! -user coffer) is not the server's"
(as_coffer coffer backup verify $data/upgrades >/dev/null) || fail "the copy cannot be restored"
kill "$server"
wait "$server" || fail "the server ended with $?"
serve
kill "$server"
wait "$server" || fail "the server ended with $?"
server=

echo "== refuses to upgrade what it cannot copy, unless it shall"
mv $data/keys.db $data/keys.aside
if dpkg -i "$new" >/dev/null 2>&1; then fail "it was upgraded without a copy"; fi
COFFER_UPGRADE_WITHOUT_BACKUP=yes dpkg -i "$new" >/dev/null
mv $data/keys.aside $data/keys.db

echo "== stays when the package is removed, and after a purge to which nobody has said yes"
dpkg -r coffer >/dev/null
[ -e $data/coffer.db ] && [ -e /etc/coffer/coffer.toml ] || fail "a removal has taken more"
dpkg -i "$new" >/dev/null
is_enabled || fail "what was enabled is not so after another installation"
dpkg -r coffer >/dev/null
dpkg --purge coffer 2>/dev/null >&2
[ -e $data/coffer.db ] && [ -e /etc/coffer/root.key ] || fail "a purge has not asked"
[ ! -L $wanted ] && [ ! -L $listening ] || fail "a purge has left the unit enabled"
[ ! -e /etc/coffer/coffer.toml ] || fail "a purge has left the settings"

echo "== is gone after a purge to which somebody has"
dpkg -i "$new" >/dev/null
[ -e $data/coffer.db ] || fail "the store is not there for the next install"
echo "coffer coffer/purge-data boolean true" | debconf-set-selections
dpkg --purge coffer >/dev/null
for place in $data /etc/coffer /usr/bin/coffer; do
    [ ! -e "$place" ] || fail "$place is still there"
done
if getent passwd coffer >/dev/null; then fail "the user coffer is still there"; fi
trap - EXIT
rm -r "$(dirname "$credential")"
echo "the package does what it says"
