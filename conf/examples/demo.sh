#!/usr/bin/env bash
# A front door and two shards on this machine, to try in a browser. `./dev demo` builds first and calls this.
# usage: demo.sh BIN_FOLDER [--seconds N] [--port N]
set -euo pipefail

bin=$1
shift
seconds=0
port=8443
while [ $# -gt 0 ]; do
  case $1 in
    --seconds) seconds=$2; shift 2 ;;
    --port) port=$2; shift 2 ;;
    *) echo "demo: unknown option $1 (allowed: --seconds N, --port N)" >&2; exit 2 ;;
  esac
done

folder=$(mktemp -d)
pids=()
finish() {
  trap - EXIT INT TERM
  [ ${#pids[@]} = 0 ] || kill -TERM "${pids[@]}" 2>/dev/null || :
  wait 2>/dev/null || :
  rm -rf "$folder"
}
trap finish EXIT
trap 'exit 0' INT TERM

mapfile -t addresses < <(hostname -I 2>/dev/null | tr ' ' '\n' | grep -v '^fe80' | grep . || :)

# A certificate for every name and address this machine answers to.
names="DNS:localhost,DNS:$(hostname),IP:127.0.0.1,IP:::1"
for address in "${addresses[@]}"; do names+=",IP:$address"; done
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=roomgate demo" \
  -addext "subjectAltName=$names" -keyout "$folder/key.pem" -out "$folder/chain.pem" 2>/dev/null
cat "$folder/key.pem" "$folder/chain.pem" > "$folder/demo.pem"

advertise=(--media-advertise 127.0.0.1)
for address in "${addresses[@]}"; do advertise+=(--media-advertise "$address"); done

# Waits for the line in which a program says where it listens, and prints that address.
listening() {  # log pid
  local line
  for _ in $(seq 200); do
    line=$(grep -m1 -o 'listening .*address=[^ ]*' "$1" 2>/dev/null || :)
    [ -n "$line" ] && { echo "${line##*address=}"; return; }
    kill -0 "$2" 2>/dev/null || break
    sleep 0.05
  done
  echo "demo: a program did not start; its log:" >&2
  cat "$1" >&2
  exit 1
}

shards=""
for number in 0 1; do
  "$bin/roomshard" serve --name "shard-$number" --listen 127.0.0.1:0 --media-port 0 "${advertise[@]}" \
    2> "$folder/shard-$number.log" &
  pids+=($!)
  address=$(listening "$folder/shard-$number.log" $!)
  shards+=$'\n'"[[shards]]"$'\n'"name = \"shard-$number\""$'\n'"address = \"$address\""$'\n'
done

any=0.0.0.0
[ -s /proc/net/if_inet6 ] && any='[::]'
cat > "$folder/roomgate.toml" <<TOML
[[listen]]
address = "$any:$port"
tls.certificates = ["$folder/demo.pem"]
$shards
[admin]
address = ""
socket = "$folder/gate.sock"
access_log = "$folder/access.log"
[shutdown]
delay = "0s"
grace = "1s"
TOML
"$bin/roomgate" serve --config "$folder/roomgate.toml" 2> "$folder/gate.log" &
pids+=($!)
listening "$folder/gate.log" $! > /dev/null

page="https://localhost:$port/"
for _ in $(seq 200); do
  curl --silent --insecure --fail --output /dev/null "$page" && break
  sleep 0.05
done
curl --silent --show-error --insecure --fail --output /dev/null "$page"
up=$SECONDS

echo
echo "Roomgate is up: one front door, two shards.   $page"
for address in "${addresses[@]}"; do
  case $address in
    *:*) echo "  also  https://[$address]:$port/" ;;
    *) echo "  also  https://$address:$port/" ;;
  esac
done
cat <<TEXT
The certificate was made just now, so the browser warns once: go on.

Try
  1. Open the same room in two windows: ${page}demo   (mute one of them: two on one machine howl)
  2. Open another room, ${page}other: it lands on the other shard (connection panel: which shard)
  3. Ask the front door:  $bin/roomgate rooms --admin unix:$folder/gate.sock
TEXT
if [ "$seconds" -gt 0 ]; then
  echo "Ends by itself in $seconds s."
  while [ $((SECONDS - up)) -lt "$seconds" ]; do sleep 0.2; done
  curl --silent --show-error --insecure --fail --output /dev/null "$page"
else
  echo "Ctrl-C ends all of it."
  wait -n "${pids[@]}" || { echo "demo: a program ended; logs:" >&2; tail -n 20 "$folder"/*.log >&2; exit 1; }
fi
