#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# One Apache Kafka broker (KRaft, loopback) for the lab: the jars come with Maven into a cache
# outside the tree, their version stands in kafka-pom.xml and nowhere else.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly HERE
readonly POM="$HERE/kafka-pom.xml"
readonly CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/sallyport"
readonly HEAP="${SALLYPORT_KAFKA_HEAP:-512m}"
readonly READY_SECONDS_MAX=60
readonly STOP_SECONDS_MAX=30

usage() {
    cat <<'TEXT'
Example: deploy/lab/kafka.sh fetch && deploy/lab/kafka.sh start /tmp/kafka 9092

  fetch              jars into the cache (checked against the list made at the first fetch); prints their folder
  version            the version kafka-pom.xml names
  start DIR PORT     format DIR if it is new, start a broker on 127.0.0.1:PORT (controller: PORT+1), wait until it answers
  stop DIR           SIGTERM and wait
  kill9 DIR          SIGKILL: what a crash or the kernel's memory killer does
  restart DIR        start again on DIR as it was left
  ready DIR          exit 0 if the broker answers
  consume DIR ARG... the stock console consumer that comes with Kafka
TEXT
}

die() {
    echo "kafka.sh: $*" >&2
    exit 1
}

version() { sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' "$POM"; }

jars() { echo "$CACHE/kafka-$(version)"; }

jars_good() {
    local folder=$1
    [[ -s $folder/jars.sha256 ]] || return 1
    (cd "$folder" && sha256sum --quiet --check jars.sha256 >/dev/null 2>&1) || return 1
    # A jar that is not on the list would be on the class path unchecked.
    [[ $(find "$folder" -name '*.jar' | wc -l) -eq $(wc -l <"$folder/jars.sha256") ]]
}

fetch() {
    local folder tmp
    folder=$(jars)
    mkdir -p "$CACHE"
    exec 9>"$CACHE/kafka.lock"
    flock 9
    if jars_good "$folder"; then
        echo "$folder"
        return
    fi
    [[ ! -e $folder/jars.sha256 ]] || echo "kafka.sh: $folder no longer matches its checksums, fetching again" >&2
    command -v mvn >/dev/null || die "mvn not found; install the packages of the lab section of deploy/packages.txt"
    tmp=$(mktemp -d "$CACHE/kafka-fetch.XXXXXX")
    if ! MAVEN_OPTS="${MAVEN_OPTS:-} -XX:-UsePerfData" mvn -q -B -f "$POM" -Dmaven.repo.local="$tmp/repository" \
        dependency:copy-dependencies -DoutputDirectory="$tmp/jars" >"$tmp/log" 2>&1; then
        tail -n 20 "$tmp/log" >&2
        rm -rf "$tmp"
        die "Maven could not fetch Kafka $(version)"
    fi
    (cd "$tmp/jars" && sha256sum -- *.jar >jars.sha256)
    rm -rf "$folder"
    mv "$tmp/jars" "$folder"
    rm -rf "$tmp"
    echo "$folder"
}

write_properties() {
    local dir=$1 port=$2
    cat >"$dir/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=PLAINTEXT://127.0.0.1:$port
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=$dir/data
num.partitions=3
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
# A killed broker may register again only when its old session has ended: 9 s by default.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
PROPERTIES
}

port_of() { sed -n 's/^advertised.listeners=.*:\([0-9]*\)$/\1/p' "$1/server.properties"; }

alive() { [[ -s $1/pid ]] && kill -0 "$(cat "$1/pid")" 2>/dev/null; }

ready() { kcat -b "127.0.0.1:$(port_of "$1")" -L -m 2 >/dev/null 2>&1; }

launch() {
    local dir=$1 folder=$2
    setsid java "-Xmx$HEAP" -XX:-UsePerfData -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true \
        -cp "$folder/*" kafka.Kafka "$dir/server.properties" \
        >>"$dir/broker.log" 2>&1 9>&- </dev/null &
    echo $! >"$dir/pid"
    local deadline=$((SECONDS + READY_SECONDS_MAX))
    until ready "$dir"; do
        alive "$dir" || { tail -n 20 "$dir/broker.log" >&2; die "the broker ended while starting; log: $dir/broker.log"; }
        ((SECONDS < deadline)) || die "no answer from the broker within $READY_SECONDS_MAX s; log: $dir/broker.log"
        sleep 0.2
    done
}

start() {
    local dir=$1 port=$2 folder
    [[ $port =~ ^[0-9]{1,5}$ ]] || die "port \"$port\" is not a number"
    ((port >= 1 && port < 65535)) || die "port \"$port\" is outside 1-65534"
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    ! alive "$dir" || die "a broker already runs on $dir (pid $(cat "$dir/pid"))"
    folder=$(fetch)
    if [[ ! -e $dir/data/meta.properties ]]; then
        write_properties "$dir" "$port"
        java -Xmx256m -XX:-UsePerfData -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
            -cp "$folder/*" kafka.tools.StorageTool format \
            -t "$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=')" -c "$dir/server.properties" \
            >"$dir/format.log" 2>&1 || { tail -n 20 "$dir/format.log" >&2; die "formatting $dir/data failed"; }
    fi
    launch "$dir" "$folder"
}

restart() {
    local dir=$1
    [[ -e $1/data/meta.properties ]] || die "$1 holds no broker's data; use start"
    dir=$(cd "$1" && pwd)
    ! alive "$dir" || stop "$dir"
    launch "$dir" "$(jars)"
}

stop() {
    local dir=$1 pid deadline=$((SECONDS + STOP_SECONDS_MAX))
    alive "$dir" || return 0
    pid=$(cat "$dir/pid")
    kill -TERM "$pid"
    while kill -0 "$pid" 2>/dev/null; do
        ((SECONDS < deadline)) || { kill -KILL "$pid" 2>/dev/null || true; break; }
        sleep 0.1
    done
    rm -f "$dir/pid"
}

kill9() {
    local dir=$1 pid
    alive "$dir" || die "no broker runs on $dir"
    pid=$(cat "$dir/pid")
    kill -KILL "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
    rm -f "$dir/pid"
}

consume() {
    local dir=$1
    shift
    exec java -Xmx128m -XX:-UsePerfData -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error \
        -cp "$(jars)/*" org.apache.kafka.tools.consumer.ConsoleConsumer \
        --bootstrap-server "127.0.0.1:$(port_of "$dir")" "$@"
}

case "${1:-} $#" in
    "fetch 1") fetch ;;
    "version 1") version ;;
    "start 3") start "$2" "$3" ;;
    "stop 2") stop "$2" ;;
    "kill9 2") kill9 "$2" ;;
    "restart 2") restart "$2" ;;
    "ready 2") alive "$2" && ready "$2" ;;
    "consume "*) (($# >= 3)) || { usage >&2; exit 2; }; shift; consume "$@" ;;
    "--help 1" | "-h 1" | "help 1") usage ;;
    *) usage >&2; exit 2 ;;
esac
