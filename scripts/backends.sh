#!/bin/sh
# Builds the backends that `make test-interop` and `make demo-jaeger` run beside the agent: a real OpenTelemetry Collector, Jaeger
# and Prometheus, at the versions below, from their Go modules. Each is built once and kept outside the checkout.
#   scripts/backends.sh [PROGRAM ...]          builds what is missing (all if none is named), prints where each is, one a line
#   scripts/backends.sh --where [PROGRAM ...]  prints the same and builds nothing
#   scripts/backends.sh --versions             prints what is pinned, one program a line
# They are in $SPANTAP_BACKENDS, else $XDG_CACHE_HOME/spantap/backends, each in a folder for its own pins: what changes those of one
# leaves the others as they are. Exit code 3: Go is missing.
set -eu
cd "$(dirname "$0")/.."

collector=0.161.0 # its modules are listed, each with its version, in:
manifest=scripts/collector.yaml
jaeger=1.76.0
prometheus=0.316.0 # Prometheus 3.16.0, as its Go module counts
# What the Collector's loadbalancing exporter asks of it is older than the version it names, which is not served everywhere.
servicediscovery=github.com/aws/aws-sdk-go-v2/service/servicediscovery
servicediscovery_version=1.40.2

say() { echo "backends: $1" >&2; }
fail() {
  say "$1"
  exit "${2:-1}"
}

base=${SPANTAP_BACKENDS:-${XDG_CACHE_HOME:-${HOME:-/var/tmp}/.cache}/spantap/backends}
modules=$({
  echo "$servicediscovery_version"
  sed 's/[[:space:]]*#.*//' "$manifest"
} | sha256sum | cut -c 1-12)

# folder PROGRAM: named by what the program is made of
folder() {
  case $1 in
    collector) echo "$base/collector-$collector-$modules" ;;
    jaeger) echo "$base/jaeger-$jaeger" ;;
    prometheus | promtool) echo "$base/prometheus-$prometheus" ;;
    *) fail "there is no backend $1 here: collector, jaeger, prometheus, promtool" 64 ;;
  esac
}

asked=0
case ${1:-} in
  --where)
    asked=1
    shift
    ;;
  --versions)
    echo "collector $collector"
    echo "jaeger $jaeger"
    echo "prometheus $(echo "$prometheus" | sed -E 's/^0\.([0-9])([0-9]{2})\./\1.\2./; s/\.0([0-9])\./.\1./')"
    exit 0
    ;;
  -*) fail "usage: scripts/backends.sh [--versions | [--where] [collector | jaeger | prometheus | promtool ...]]" 64 ;;
esac
[ $# -gt 0 ] || set -- prometheus promtool jaeger collector

missing=0
places=''
for program in "$@"; do
  place=$(folder "$program")/$program
  [ -x "$place" ] || missing=1
  places="$places$place
"
done
if [ "$asked" = 1 ] || [ "$missing" = 0 ]; then
  printf %s "$places"
  exit 0
fi

[ -d /usr/local/go/bin ] && PATH=$PATH:/usr/local/go/bin
command -v go >/dev/null 2>&1 ||
  fail "Go is missing: the Collector, Jaeger and Prometheus are built from their Go modules. Install Go 1.21 or newer" 3
# Requirements are resolved into a module of our own that holds nothing else; older versions of Go fetch the one that is asked for.
export GOFLAGS=-mod=mod GOTOOLCHAIN=auto GOWORK=off

work=$(mktemp -d "${TMPDIR:-/tmp}/spantap-backends.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# Runs a command that takes long, and tells how it gets on. Its output goes to $work/log, of which the end is shown if it fails.
slow() {
  what=$1
  shift
  began=$(date +%s)
  "$@" >"$work/log" 2>&1 &
  child=$!
  told=$began
  while kill -0 "$child" 2>/dev/null; do
    sleep 1
    now=$(date +%s)
    if [ $((now - told)) -ge 20 ]; then
      say "$what: $(wc -l <"$work/log" | tr -d ' ') packages or modules, $((now - began)) s"
      told=$now
    fi
  done
  wait "$child" || {
    tail -n 20 "$work/log" >&2
    return 1
  }
}

# fetch NAME ARGUMENT...: go get, with three tries since it goes over the network
fetch() {
  name=$1
  shift
  for try in 1 2 3; do
    if slow "fetching $name" go get "$@"; then
      return 0
    fi
    say "fetching $name failed (try $try of 3)"
    sleep 2
  done
  fail "$name could not be fetched"
}

# into NAME PACKAGE [FLAG ...]: a finished program takes its place in one step, so that nobody meets half of one
into() {
  name=$1
  package=$2
  shift 2
  slow "building $name" go build -v "$@" -o "$work/$name" "$package" || fail "$name could not be built"
  mv "$work/$name" "$place.$$"
  mv "$place.$$" "$place"
}

module() {
  mkdir "$work/$1"
  cd "$work/$1"
  go mod init "spantap.test/$1" 2>/dev/null
}

build() {
  case $1 in
    prometheus | promtool)
      package=github.com/prometheus/prometheus/cmd/$1
      module "$1-module"
      fetch "$1" -tool "$package@v$prometheus"
      version=$("$root/scripts/backends.sh" --versions | sed -n 's/^prometheus //p')
      # no service discovery but by file: the clouds' libraries are most of the program
      into "$1" "$package" -tags remove_all_sd -ldflags "-s -w -X github.com/prometheus/common/version.Version=$version"
      ;;
    jaeger)
      package=github.com/jaegertracing/jaeger/cmd/jaeger
      module jaeger-module
      fetch jaeger -tool "$package@v$jaeger"
      into jaeger "$package" -ldflags "-s -w -X github.com/jaegertracing/jaeger/internal/version.latestVersion=v$jaeger"
      ;;
    collector)
      package=go.opentelemetry.io/collector/cmd/builder
      module builder-module
      fetch "the Collector's builder" -tool "$package@v$collector"
      slow "building the Collector's builder" go build -v -o "$work/builder" "$package" || fail "the Collector's builder could not be built"
      sed "s|OUTPUT|$work/collector-module|" "$root/$manifest" >"$work/collector.yaml"
      # The builder writes the program. Its requirements are resolved here, since `go mod tidy` would want those of all tests, too.
      "$work/builder" --config "$work/collector.yaml" --skip-get-modules --skip-compilation >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        fail "the Collector's builder does not take $manifest"
      }
      cd "$work/collector-module"
      go mod init spantap.test/collector 2>/dev/null
      go mod edit -replace "$servicediscovery=$servicediscovery@v$servicediscovery_version"
      sed -n 's/^ *- gomod: \([^ ]*\) \(v[^ ]*\)$/\1@\2/p' "$root/$manifest" >modules
      # shellcheck disable=SC2046 # one argument for each line
      fetch "the Collector" $(cat modules)
      into collector . -ldflags "-s -w"
      ;;
  esac
  cd "$root"
}

root=$PWD
for program in "$@"; do
  folder=$(folder "$program")
  place=$folder/$program
  [ ! -x "$place" ] || continue
  mkdir -p "$folder"
  # Of two runs at once one builds, and the other waits for it.
  exec 9>"$folder/.lock"
  if command -v flock >/dev/null 2>&1; then
    flock -n 9 || {
      say "waiting for another run that is building"
      flock 9
    }
  fi
  if [ ! -x "$place" ]; then
    start=$(date +%s)
    say "$program: fetching and building, for $folder (once, some minutes)"
    build "$program" 9>&-
    say "$program: ready after $(($(date +%s) - start)) s"
  fi
  exec 9>&-
done
printf %s "$places"
