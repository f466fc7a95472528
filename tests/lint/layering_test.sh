#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The test of the layering test: a tree that keeps the arrows passes, and each planted violation is found
# at its file and line.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# plant FILE LINE: a fresh, clean tree with LINE added as the third line of FILE.
plant() {
    local folder
    rm -rf "$work/tree"
    for folder in gateway/{model,dataplane,identity,policy,config,control,cli} classifier feeds exporters tests; do
        mkdir -p "$work/tree/$folder"
        printf '// first line\n#include <vector>\n' >"$work/tree/$folder/own.h"
        printf '// first line\n#include "%s/own.h"\n' "$folder" >"$work/tree/$folder/own.cc"
    done
    mkdir -p "$work/tree/$(dirname "$1")"
    [[ -f $work/tree/$1 ]] || printf '// first line\n// second line\n' >"$work/tree/$1"
    printf '%s\n' "$2" >>"$work/tree/$1"
}

refused() {
    plant "$1" "$2"
    local out
    if out=$("$here/layering.sh" "$work/tree" 2>&1); then
        echo "not ok refused: $1: $2"
        failures=$((failures + 1))
    elif [[ $out != *"$1:3: "* ]]; then
        echo "not ok place of $1: $2: $out"
        failures=$((failures + 1))
    else
        echo "ok refused: $1: $2"
    fi
}

passes() {
    plant "$1" "$2"
    local out
    if out=$("$here/layering.sh" "$work/tree" 2>&1); then
        echo "ok passes: $1: $2"
    else
        echo "not ok passes: $1: $2: $out"
        failures=$((failures + 1))
    fi
}

refused gateway/model/own.h '#include "classifier/own.h"'
refused gateway/model/own.h '#include <rte_mbuf.h>'
refused gateway/model/own.h '#include <sys/socket.h>'
refused gateway/dataplane/own.cc '#include "gateway/identity/own.h"'
refused gateway/dataplane/own.cc '#include "gateway/control/own.h"'
refused gateway/dataplane/own.cc '#include "exporters/own.h"'
refused gateway/identity/own.cc '#include "gateway/policy/own.h"'
refused gateway/policy/own.cc '#include "gateway/dataplane/own.h"'
refused gateway/config/own.cc '#include "gateway/control/own.h"'
refused gateway/cli/own.cc '#include "gateway/dataplane/own.h"'
refused classifier/own.cc '#include "feeds/own.h"'
refused classifier/own.cc '#include <rte_ether.h>'
refused feeds/own.cc '#include "classifier/dns.h"'
refused feeds/own.cc '#include "exporters/own.h"'
refused feeds/own.cc '#include <hs/hs.h>'
refused exporters/own.cc '#include "feeds/own.h"'
refused exporters/spool.cc '#include <librdkafka/rdkafka.h>'
refused gateway/control/own.cc '#include <rte_eal.h>'
refused gateway/control/own.cc '#include <yaml-cpp/yaml.h>'
refused gateway/control/own.cc '#include <pcap/pcap.h>'
refused gateway/control/own.cc '#include <gtest/gtest.h>'
refused classifier/own.cc '  #  include "feeds/own.h"'
refused classifier/own.cc '#include "own.h"'
refused classifier/own.cc '#include "../feeds/own.h"'
refused classifier/own.cc '#include "classifier/../feeds/own.h"'
refused gateway/plugins/own.cc '#include "gateway/model/own.h"'

passes gateway/dataplane/own.cc '#include <rte_mbuf.h>'
passes gateway/dataplane/own.cc '#include "classifier/own.h"'
passes gateway/dataplane/own.cc '#include "gateway/policy/own.h"'
passes gateway/control/own.cc '#include "exporters/own.h"'
passes gateway/control/capture_file.cc '#include <pcap/pcap.h>'
passes gateway/config/own.cc '#include <yaml-cpp/yaml.h>'
passes exporters/kafka_sink.cc '#include <librdkafka/rdkafka.h>'
passes feeds/own.cc '#include "classifier/threat_format.h"'
passes classifier/own.cc '#include <hs.h>'
passes classifier/own.cc '// #include "feeds/own.h"'
passes tests/own.cc '#include <rte_mbuf.h>'
passes tests/own.cc '#include "exporters/own.h"'
passes gateway/model/own.cc '#include <arpa/inet.h>'

mkdir -p "$work/empty"
if "$here/layering.sh" "$work/empty" >/dev/null 2>&1; then
    echo "not ok an empty tree is not a pass"
    failures=$((failures + 1))
else
    echo "ok an empty tree is not a pass"
fi
exit $((failures > 0))
