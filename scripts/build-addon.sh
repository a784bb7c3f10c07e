#!/bin/sh
# Builds the libpcap addon (src/capture/native/build/Release/pcap.node) for the Node.js on the PATH.
# Does nothing when the addon was built from the same sources by the same Node.js before.
set -eu

cd "$(dirname "$0")/.."
native=src/capture/native
addon=$native/build/Release/pcap.node
stamp=$native/build/sources.sha256

fail() {
  echo "build-addon: $1" >&2
  exit 1
}

need() {
  command -v "$1" >/dev/null 2>&1 || fail "$1 is missing. On Debian and Ubuntu: apt-get install $2"
}

need node nodejs
sum=$( (cat "$native"/*.cc "$native"/*.h "$native"/binding.gyp && node -p 'process.version + process.arch') | sha256sum)
if [ -f "$addon" ] && [ -f "$stamp" ] && [ "$sum" = "$(cat "$stamp")" ]; then
  echo "build-addon: $addon is up to date"
  exit 0
fi

need make make
need python3 python3
compiler=${CXX:-c++}
command -v "${compiler%% *}" >/dev/null 2>&1 || fail "no C++ compiler ($compiler). On Debian and Ubuntu: apt-get install g++"
printf '#include <pcap/pcap.h>\n' | $compiler -E -x c++ - >/dev/null 2>&1 ||
  fail "the headers of libpcap are missing. On Debian and Ubuntu: apt-get install libpcap-dev; Fedora: dnf install libpcap-devel; Alpine: apk add libpcap-dev"
[ -x node_modules/.bin/node-gyp ] || fail "node-gyp is missing: run npm ci first"

# The headers that came with this Node.js, if they did; otherwise node-gyp looks for them itself.
node=$(node -p 'fs.realpathSync(process.execPath)')
home=$(dirname "$(dirname "$node")")
nodedir=
if [ -f "$home/include/node/node_api.h" ] && [ -f "$home/include/node/common.gypi" ]; then
  nodedir=--nodedir=$home
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! node node_modules/node-gyp/bin/node-gyp.js rebuild --directory="$native" $nodedir >"$log" 2>&1; then
  cat "$log" >&2
  fail "the build failed; its output stands above"
fi
printf '%s\n' "$sum" >"$stamp"
echo "build-addon: built $addon"
