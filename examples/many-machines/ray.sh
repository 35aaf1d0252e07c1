#!/bin/bash
# A study on the GPUs of several machines, with a Ray cluster that exists as long as the study.
#
#   bash ray.sh study.yaml node2 node3
#
# Start it on the first machine. It reaches the others with ssh. Every machine has this folder, the same Python environment (with
# llenergymeasure and Ray) and the folder of the results at the same paths: a shared disk. With a cluster that already runs, only
# the line with `llem run` is needed, on a machine of the cluster.
set -euo pipefail
study=${1:?usage: bash ray.sh STUDY.yaml [HOST ...]}
hosts=("${@:2}")
port=6379
bin=$(dirname "$(command -v ray)")
address=$(hostname -I | cut -d " " -f 1):$port

stop() {
  for host in "${hosts[@]}"; do ssh "$host" "$bin/ray" stop || true; done
  "$bin/ray" stop
}
trap stop EXIT

"$bin/ray" start --head --port "$port" --disable-usage-stats
for host in "${hosts[@]}"; do ssh "$host" "$bin/ray" start --address "$address" --disable-usage-stats; done

llem run "$study" --executor ray --executor-option address="$address"
