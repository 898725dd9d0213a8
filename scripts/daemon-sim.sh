#!/usr/bin/env bash
# daemon-sim.sh [SEEDS]: builds the tests and simulates a cluster of whole daemons for each seed.
#
# SEEDS are numbers and ranges: 7,9,100-200. Without them it takes 64 new ones.
set -euo pipefail
source "$(dirname "$0")/lib.sh"
help_if_requested "$@"
cd "$(dirname "$0")/.."
quietly swift build --build-tests
if [ $# -gt 0 ]; then export STELLAR_SIMULATION_SEEDS=$1; fi
export STELLAR_SIMULATION_VERBOSE=1
swift test --skip-build --filter '^SimulationTests\.DaemonScenarioTests/invariantsHoldForNewSeeds'
