# The tasks of this project. `make` alone lists them.

N ?= 3

.PHONY: help build release demo demo-clean lab lab-clean test soak format lint docs bench generate sim sim-report

help:
	@echo 'make build       builds stellar, sctl and stellar-cni-ipam (debug)'
	@echo 'make release     builds static, stripped binaries in bin/'
	@echo 'make demo        runs an app on this machine, from nothing (root)'
	@echo 'make demo-clean  removes everything that make demo made'
	@echo 'make lab         starts a cluster of N=3 hosts on this machine, for hands-on use (root)'
	@echo 'make lab-clean   removes it'
	@echo 'make test        runs every test, on real containerd, CNI and registry (root)'
	@echo 'make soak        runs the fault tests in their long form: SOAK=10 (minutes for each random one; root)'
	@echo 'make bench       measures speed and size, as ratios against peers in the same run (root)'
	@echo 'make sim         simulates clusters: SEEDS=1-1000 (without: new seeds), NODES=100 (of gossip and stores)'
	@echo 'make sim-report  draws Docs/Gossip/*.svg'
	@echo 'make format      formats the Swift sources'
	@echo 'make lint        checks format and house rules, changes nothing'
	@echo 'make docs        builds the documentation of StellarCore for embedders in .build/docs'
	@echo 'make generate    generates the Swift code of the .proto files'
	@echo 'Each script of scripts/ and Benchmarks/ prints its usage with --help.'

build:
	@scripts/packages.sh build
	@scripts/swift-version.sh
	swift build

release:
	@scripts/release.sh

demo:
	@scripts/demo.sh

demo-clean:
	@scripts/demo-clean.sh

lab:
	@scripts/lab.sh up $(N)

lab-clean:
	@scripts/lab.sh clean

test:
	@scripts/test.sh

soak:
	@scripts/soak.sh $(or $(SOAK),10)

bench:
	@Benchmarks/run.sh

sim:
	@scripts/gossip-sim.sh run $(if $(SEEDS),--seeds $(SEEDS)) $(if $(NODES),--nodes $(NODES))
	@scripts/daemon-sim.sh $(SEEDS)

sim-report:
	@scripts/gossip-sim.sh report Docs/Gossip

format:
	@scripts/format.sh

lint:
	@scripts/format.sh --lint
	@scripts/tidy.sh

docs:
	@scripts/docs.sh

generate:
	@scripts/generate-protos.sh
