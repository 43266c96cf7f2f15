#!/usr/bin/env bash
# Holds what crate `metrics` makes against the real Prometheus: the text is lint-clean, the rules are right and alert when
# they are to, and a server that finds the example host by http_sd reads the same from both texts, and answers every query
# of the dashboards.
#
# Prometheus is Debian's, unpacked below target/tools/metrics and not installed, so that no service of it is started. What
# is installed already (PATH) is taken instead. Ends with `metrics: N passed, N failed`.
set -uo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-$PWD/target}
tools=$target/tools/metrics
passed=0 failed=0
work=$(mktemp -d)
started=()

finish() {
  local pid
  exec 8>&- 2>/dev/null
  for pid in ${started[@]+"${started[@]}"}; do
    kill "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
  done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

give_up() {
  echo "FAILED $*"
  echo "metrics: $passed passed, $((failed + 1)) failed"
  exit 1
}

# check WHAT COMMAND…
check() {
  local what=$1
  shift
  if "$@" >"$work/output" 2>&1; then
    echo "ok $what"
    passed=$((passed + 1))
  else
    sed 's/^/   /' "$work/output"
    echo "FAILED $what"
    failed=$((failed + 1))
  fi
}

# Prints where a tool of Prometheus is, having fetched it if need be.
find_tool() {
  if command -v "$1"; then return; fi
  if [ ! -x "$tools/usr/bin/$1" ]; then
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    rm -rf "$tools.new"
    mkdir -p "$tools.new/root" || return 1
    # Downloads as root into a folder of root's: that nobody else could read it matters to nobody.
    (cd "$tools.new" && apt-get download -q -o APT::Sandbox::User=root prometheus >&2 && dpkg-deb -x prometheus_*.deb root) || return 1
    rm -rf "$tools"
    mv "$tools.new/root" "$tools"
    rm -rf "$tools.new"
  fi
  echo "$tools/usr/bin/$1"
}

promtool=$(find_tool promtool) || give_up "promtool cannot be had (apt package prometheus)"
prometheus=$(find_tool prometheus) || give_up "prometheus cannot be had (apt package prometheus)"
cargo build -q --locked -p abide-metrics --example render || give_up "the example of abide-metrics is not built"
render=$target/debug/examples/render
rules=$PWD/crates/metrics/rules

check "promtool finds nothing to say about the text 0.0.4" "$promtool" check metrics < <("$render" prometheus)
check "the rules are rules" "$promtool" check rules "$rules/abide.yml"
check "the alerts alert when they are to" "$promtool" test rules "$rules/abide.test.yml"

# The example host. Its standard input is held open until we end.
mkfifo "$work/hold"
"$render" serve <"$work/hold" >"$work/address" 2>"$work/scrapes" &
started+=($!)
exec 8>"$work/hold"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])') || give_up "python3 is not installed"
for _ in $(seq 300); do
  [ -s "$work/address" ] && break
  sleep 0.1
done
address=$(cat "$work/address")
cat >"$work/prometheus.yml" <<END
global: { scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s }
rule_files: [ "$rules/abide.yml" ]
scrape_configs:
  - job_name: abide
    http_sd_configs: [ { url: "http://$address/sd" } ]
    relabel_configs: [ { source_labels: [ __address__, text ], separator: "-", target_label: instance } ]
END
check "the configuration of the server" "$promtool" check config "$work/prometheus.yml"
"$prometheus" --config.file="$work/prometheus.yml" --storage.tsdb.path="$work/data" \
  --web.listen-address="127.0.0.1:$port" --log.level=warn >"$work/prometheus.log" 2>&1 8>&- &
started+=($!)
python3 -B tests/metrics/ask.py "http://127.0.0.1:$port" <("$render" queries) | tee "$work/asked"
[ "${PIPESTATUS[0]}" = 0 ] || sed 's/^/   /' "$work/prometheus.log"
passed=$((passed + $(grep -c '^ok ' "$work/asked")))
failed=$((failed + $(grep -c '^FAILED ' "$work/asked")))
check "the server asked for OpenMetrics, and got it" grep -q '^application/openmetrics-text; version=1\.0\.0' "$work/scrapes"

echo "metrics: $passed passed, $failed failed"
[ "$failed" = 0 ]
