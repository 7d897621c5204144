#!/bin/sh
# The image that the container file makes of a static binary, built and run by podman:
# container.sh FOLDER BINARY, as root. Images and containers are kept in FOLDER and nowhere else.
set -eu
folder=$1 binary=$2
here=$(dirname "$0")
containerfile=$here/../../deploy/container/Containerfile

fail() {
    echo "container.sh: $*" >&2
    pod logs --tail 20 served >&2 2>/dev/null || true
    exit 1
}

# runc and cgroupfs work where no service manager runs.
pod() {
    podman --root "$folder/storage" --runroot "$folder/run" --tmpdir "$folder/tmp" \
        --runtime runc --cgroup-manager cgroupfs "$@"
}

ended() {
    pod rm --force --all --volumes >/dev/null 2>&1 || true
    pod volume rm --force --all >/dev/null 2>&1 || true
}
trap ended EXIT

[ "$(id -u)" = 0 ] || fail "these containers need root"
ended
context=$folder/context
rm -rf "$context"
mkdir -p "$context/empty" "$folder/tmp"
cp "$binary" "$context/coffer"

echo "== builds: one file, a user that is not root, a health check"
pod build --quiet --isolation chroot --format docker --file "$containerfile" --target prebuilt \
    --tag coffer "$context" >/dev/null
image() {
    pod image inspect --format "$1" coffer
}
[ "$(image '{{.Config.User}}')" = 65532:65532 ] || fail "it runs as $(image '{{.Config.User}}')"
[ "$(image '{{json .HealthCheck.Test}}')" = '["CMD","/coffer","health"]' ] ||
    fail "its health check is $(image '{{json .HealthCheck}}')"

# As the documents run it, but without a network, which the commands inside do not need, and without
# a clock for the health check, which would be systemd's.
run() {
    pod run --network none --health-interval disable --volume coffer:/data \
        --read-only --cap-drop all --security-opt no-new-privileges \
        --ulimit nofile=20000:20000 --ulimit nproc=4096:4096 "$@"
}
serve() {
    run --detach --name served --env COFFER_ROOT_KEY_FILE=/data/root.key \
        --env COFFER_ADMIN_LISTEN=unix:/data/admin.sock coffer \
        serve --listen 0.0.0.0:4747 --insecure-http >/dev/null
    tries=0
    until pod healthcheck run served >/dev/null 2>&1; do
        tries=$((tries + 1))
        [ $tries -lt 300 ] || fail "the server is not ready"
        sleep 0.2
    done
}
# A verb in the running container, with the keys of the store.
verb() {
    pod exec --interactive --env COFFER_API_KEY="$(field live_key)" \
        --env COFFER_ADMIN_KEY="$(field admin_key)" --env COFFER_URL=http://127.0.0.1:4747 \
        served /coffer "$@"
}
field() {
    sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" "$folder/keys.json"
}

echo "== runs: its root read-only, no capability, its health by the image's own check"
run --rm coffer init --root-key /data/root.key --app my-app --format json \
    >"$folder/keys.json" 2>"$folder/init.log" || fail "init: $(cat "$folder/init.log")"
serve
pid=$(pod inspect --format '{{.State.Pid}}' served)
for line in "NoNewPrivs:	1" "CapBnd:	0000000000000000" "Uid:	65532	65532	65532	65532"; do
    grep -qx "$line" "/proc/$pid/status" || fail "its process has no $line"
done
awk '$5 == "/" { print $6 }' "/proc/$pid/mountinfo" | grep -q '^ro,' || fail "its root is writable"
files=$(pod export served | tar --list | grep -Ev '/$|^(etc|dev|proc|run|sys)/' | tr '\n' ' ')
[ "$files" = "coffer " ] || fail "the image has $files"
echo hunter2 | verb secrets set first >/dev/null
[ "$(verb secrets get first --reveal)" = hunter2 ] || fail "the secret is another"

echo "== stops when it is told to, and has its data after another start"
pod stop --time 60 served >/dev/null
code=$(pod inspect --format '{{.State.ExitCode}}' served)
[ "$code" = 0 ] || fail "it ended with $code"
pod rm served >/dev/null
serve
[ "$(verb secrets get first --reveal)" = hunter2 ] || fail "the secret is another"

echo "== is unhealthy when it cannot serve"
pod exec --env COFFER_ADMIN_KEY="$(field admin_key)" --env COFFER_URL=unix:/data/admin.sock \
    served /coffer seal >/dev/null
if pod healthcheck run served >/dev/null; then fail "a sealed server is healthy"; fi
size=$(image '{{.Size}}')
echo "the image does what it says; it has $((size / 1000000)) MB"
