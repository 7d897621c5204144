#!/bin/sh
# What machine.sh does on the machine: `inside.sh installed` after its first start, `inside.sh
# booted` after the second.
set -eu
data=/var/lib/coffer config=/etc/coffer/coffer.toml
drop_in=/run/systemd/system/coffer.service.d
asking=/run/asking asked=/run/asked refused=/run/refused
export COFFER_URL=http://127.0.0.1:4747 DEBIAN_FRONTEND=noninteractive
# How long anything may take, in fifths of a second.
patience=300

fail() {
    echo "inside.sh: $*" >&2
    journalctl --unit coffer.service --lines 20 --no-pager >&2 || true
    exit 1
}

# Waits until a command succeeds.
wait_until() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ $tries -lt $patience ] || fail "waited in vain: $*"
        sleep 0.2
    done
}

show() {
    systemctl show --property "$1" --value coffer.service
}

is_active() {
    systemctl --quiet is-active "$1"
}

# Whether the journal has it, of the server or of what systemd says about it.
journal_has() {
    journalctl --unit coffer.service --no-pager --output cat | grep -q "$1"
}

# Whether another server runs than that of the process $1.
is_another() {
    now=$(show MainPID)
    [ "$now" != 0 ] && [ "$now" != "$1" ] && is_active coffer.service
}

# The value of a field of what `coffer init` printed.
field() {
    sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" /root/keys.json
}

# Requests of this shell are the app's from now on.
use_key() {
    COFFER_API_KEY=$(field live_key)
    export COFFER_API_KEY
}

# The secret, which every server after the first must still have.
read_secret() {
    [ "$(coffer secrets get first --reveal)" = hunter2 ]
}

# Asks for the secret again and again in the background, until end_asking.
begin_asking() {
    rm -f $asked $refused
    touch $asking
    while [ -e $asking ]; do
        # Whoever waits, waits; who is refused, is counted.
        if read_secret 2>>$refused; then echo . >>$asked; else echo . >>$refused; fi
    done &
    asker=$!
    wait_until [ -s $asked ]
}

# Nobody was refused meanwhile.
end_asking() {
    before=$(wc -l <$asked)
    more() { [ "$(wc -l <$asked)" -gt "$before" ]; }
    wait_until more
    rm $asking
    wait $asker
    [ ! -s $refused ] || fail "a caller was refused: $(cat $refused)"
    echo "   $(wc -l <$asked) requests meanwhile, none refused"
}

first_install() {
    echo "== installs, and starts nothing"
    dpkg -i /srv/old.deb >/dev/null
    if systemctl --quiet is-enabled coffer.service; then fail "the unit is enabled already"; fi
    if is_active coffer.service; then fail "the server runs already"; fi
    coffer init --data-dir $data --root-key /etc/coffer/root.key --app my-app --format json \
        >/root/keys.json 2>/dev/null
    chown -R coffer:coffer $data
    use_key

    echo "== Type=notify: whoever starts it waits until it listens"
    systemctl enable --now coffer.service 2>/dev/null
    coffer health --config $config >/dev/null || fail "it is started, and not ready"
    [ "$(show Type) $(show WatchdogUSec)" = "notify 1min" ] || fail "$(show Type)"
    echo hunter2 | coffer secrets set first >/dev/null
    read_secret || fail "the secret is another"
}

confined() {
    echo "== runs as its user, with nothing of the machine, and the root key as a credential"
    pid=$(show MainPID)
    user=$(id -u coffer)
    for line in "Uid:	$user	$user	$user	$user" "NoNewPrivs:	1" "Seccomp:	2" \
        "CapBnd:	0000000000000000"; do
        grep -qx "$line" "/proc/$pid/status" || fail "its process has no $line"
    done
    if runuser -u coffer -- cat /etc/coffer/root.key >/dev/null 2>&1; then
        fail "the server's user can read the root key"
    fi
    cmp "/proc/$pid/root/run/credentials/coffer.service/coffer-root" /etc/coffer/root.key
    # Not even root could write the first two there; the settings are root's.
    for place in /usr/bin:0 /etc:0 "/etc/coffer:$user"; do
        if nsenter --target "$pid" --mount --setuid "${place#*:}" touch "${place%:*}/mine" \
            2>/dev/null; then
            fail "${place%:*} can be written"
        fi
    done
    systemd-analyze security --threshold=20 --no-pager coffer.service >/root/security ||
        fail "$(tail -n 1 /root/security)"
    tail -n 1 /root/security
}

reloads() {
    echo "== ExecReload: takes over what can be, and refuses what cannot be used"
    pid=$(show MainPID)
    echo 'log_requests = "all"' >>$config
    systemctl reload coffer.service || fail "a change that is right was refused"
    wait_until journal_has '"reloaded"'
    cp $config /root/coffer.toml
    echo 'listen = "nowhere"' >>$config
    if systemctl reload coffer.service 2>/dev/null; then fail "a mistake was reloaded"; fi
    [ "$(show MainPID)" = "$pid" ] || fail "a reload has started another server"
    read_secret || fail "a mistake in the settings has stopped the server"
    cp /root/coffer.toml $config
    systemctl reload coffer.service
}

watched() {
    echo "== WatchdogSec: one that works stays, one that hangs and one that is killed come back"
    mkdir -p $drop_in
    printf '[Service]\nWatchdogSec=2\n' >$drop_in/quick.conf
    systemctl daemon-reload
    systemctl restart coffer.service
    pid=$(show MainPID)
    # As long as three watchdogs.
    sleep 6
    [ "$(show MainPID) $(show NRestarts)" = "$pid 0" ] || fail "one that works was killed"
    kill -STOP "$pid"
    wait_until is_another "$pid"
    journal_has 'Watchdog timeout' || fail "something else has ended it"
    read_secret || fail "after a hang, the secret is another"
    pid=$(show MainPID)
    kill -KILL "$pid"
    wait_until is_another "$pid"
    [ "$(show NRestarts)" = 2 ] || fail "$(show NRestarts) restarts"
    read_secret || fail "after a kill, the secret is another"
    rm -r $drop_in
    systemctl daemon-reload
}

sockets() {
    echo "== sockets that systemd holds: callers wait, and start the server"
    # As the documents say.
    systemctl stop coffer.service
    systemctl enable --now coffer.socket coffer-admin.socket coffer-metrics.socket 2>/dev/null
    read_secret || fail "a caller has not started the server"
    is_active coffer.service || fail "another server has answered"
    COFFER_URL=unix:/run/coffer-admin.sock COFFER_ADMIN_KEY=$(field admin_key) coffer status \
        >/dev/null || fail "no admin API at its socket"
    coffer health --config $config >/dev/null || fail "no metrics at their socket"
    begin_asking
    systemctl restart coffer.service
    systemctl restart coffer.service
    end_asking
}

upgrades() {
    echo "== an upgrade copies the store, keeps settings and data, and refuses nobody"
    pid=$(show MainPID) version=$(dpkg-query --show --showformat '${Version}' coffer)
    begin_asking
    dpkg -i /srv/new.deb >/dev/null
    end_asking
    echo "   from $version to $(dpkg-query --show --showformat '${Version}' coffer)"
    [ "$(dpkg-query --show --showformat '${Version}' coffer)" != "$version" ] ||
        fail "both packages are the same version"
    is_another "$pid" || fail "the old server still runs"
    [ "$(show NeedDaemonReload)" = no ] || fail "systemd does not know the new unit"
    cmp /root/coffer.toml $config || fail "the settings are not kept"
    [ "$(find $data/upgrades -name '*.backup' | wc -l)" = 2 ] || fail "the store is not copied"
    [ -z "$(find $data ! -user coffer)" ] || fail "$(find $data ! -user coffer) is not its own"
    read_secret || fail "after the upgrade, the secret is another"
}

# The secret of the kept store.
read_kept() {
    [ "$(COFFER_API_KEY=$(cat /srv/kept/key) coffer secrets get token --reveal \
        --account "$(cat /srv/kept/account)")" = "$(cat /srv/kept/value)" ]
}

kept_store() {
    echo "== a store of an earlier version is copied, opened and read"
    systemctl stop coffer.socket coffer-admin.socket coffer-metrics.socket coffer.service
    mv $data /root/own
    mv /etc/coffer/root.key /root/own.key
    install -d -m 0700 -o coffer -g coffer $data
    install -m 0600 -o coffer -g coffer /srv/kept/coffer.db /srv/kept/keys.db $data
    install -m 0600 /srv/kept/root.key.test-only /etc/coffer/root.key
    dpkg -i /srv/new.deb >/dev/null
    [ "$(find $data/upgrades -name '*.backup' | wc -l)" = 2 ] || fail "the store is not copied"
    systemctl start coffer.service || fail "the store of an earlier version is not opened"
    wait_until read_kept
    systemctl stop coffer.service
    rm -r $data
    mv /root/own $data
    mv /root/own.key /etc/coffer/root.key
    systemctl start coffer.socket coffer-admin.socket coffer-metrics.socket coffer.service
    read_secret || fail "after that, the secret is another"
}

another_root() {
    echo "== another root: the drop-in for a passphrase, and no root key on the machine"
    (umask 077 && echo "a passphrase of five words" >/etc/coffer/root.secret)
    install -m 0400 -o coffer /etc/coffer/root.key /run/old.key
    install -m 0400 -o coffer /etc/coffer/root.secret /run/new.secret
    as_server() {
        runuser -u coffer -- env COFFER_DATA_DIR=$data coffer keyring root "$@" >/dev/null
    }
    as_server migrate --to passphrase --to-secret /run/new.secret --root-key /run/old.key ||
        fail "the store does not move to a passphrase"
    mkdir -p /etc/systemd/system/coffer.service.d
    cp /usr/share/doc/coffer/roots/passphrase.conf /etc/systemd/system/coffer.service.d/root.conf
    mv /etc/coffer/root.key /root/own.key
    systemctl daemon-reload
    systemctl restart coffer.service || fail "it does not start with a passphrase"
    read_secret || fail "with a passphrase, the secret is another"
    as_server finish --root passphrase --root-secret /run/new.secret ||
        fail "the old root still opens the store"
    rm /run/old.key /run/new.secret
    # A purge asks about it.
    mv /root/own.key /etc/coffer/root.key
}

purges() {
    echo "== a removal stops it and takes no data; a purge asks, and takes what it shall"
    dpkg -r coffer >/dev/null 2>&1
    for unit in coffer.service coffer.socket coffer-admin.socket coffer-metrics.socket; do
        if is_active $unit; then fail "$unit is still there"; fi
    done
    [ -e $data/coffer.db ] && [ -e $config ] || fail "a removal has taken more"
    # Nobody can be asked: that means no.
    dpkg --purge coffer >/dev/null 2>&1
    [ -e $data/coffer.db ] && [ -e /etc/coffer/root.key ] || fail "a purge has not asked"
    dpkg -i /srv/new.deb >/dev/null 2>&1
    # At a terminal, somebody is asked and answers.
    answer='DEBIAN_FRONTEND=teletype TERM=dumb dpkg --purge coffer'
    printf 'yes\n' | script --quiet --return --command "$answer" /dev/null >/root/purge
    grep -q 'Remove all secrets' /root/purge || fail "it asked nothing: $(cat /root/purge)"
    for place in $data /etc/coffer /usr/bin/coffer /usr/lib/systemd/system/coffer.service; do
        [ ! -e "$place" ] || fail "$place is still there"
    done
    if getent passwd coffer >/dev/null; then fail "the user coffer is still there"; fi
}

case $1 in
installed)
    first_install
    confined
    reloads
    watched
    sockets
    upgrades
    kept_store
    another_root
    ;;
booted)
    echo "== comes back with the machine"
    use_key
    read_secret || fail "the secret is another"
    is_active coffer.service || fail "another server has answered"
    purges
    ;;
esac
