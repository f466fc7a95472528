#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every header compiles on its own, so that a file includes what it names and order never matters.
#   tests/lint/headers.sh [JOBS]
set -euo pipefail
cd "$(dirname "$0")/../.."
jobs=${1:-$(nproc)}
compiler=${CXX:-g++}

read -ra flags < <(pkg-config --cflags libhs rdkafka yaml-cpp 2>/dev/null || true)
read -ra dpdk < <(pkg-config --cflags libdpdk 2>/dev/null || true)
# As in the build: other people's headers are system headers.
system=()
for flag in "${flags[@]}" "${dpdk[@]}"; do
    system+=("${flag/#-I/-isystem}")
done

check_one() {
    local header=$1
    shift
    if ! printf '#include "%s"\n' "$header" |
        "$@" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast \
            -Werror -I. "-DSALLYPORT_SOURCE_ROOT=\"$PWD\"" -x c++ -; then
        echo "$header: not self-contained" >&2
        return 1
    fi
}
export -f check_one

mapfile -t headers < <(find gateway classifier feeds exporters tests -name '*.h' | LC_ALL=C sort)
printf '%s\0' "${headers[@]}" |
    xargs -0 -P "$jobs" -I{} bash -c 'check_one "$@"' check {} "$compiler" "${system[@]}"
echo "headers: ${#headers[@]} compile on their own"
