# The work of this project, by name. `make` alone lists it.

N ?= 3

.PHONY: help build release demo demo-clean lab lab-clean test soak format lint bench generate sim sim-report

help:
	@echo 'make build       debug build of stellar, sctl and stellar-cni-ipam'
	@echo 'make release     static, stripped binaries in bin/'
	@echo 'make demo        from nothing to a running app on this machine (root)'
	@echo 'make demo-clean  takes away everything that make demo made'
	@echo 'make lab         a cluster of N=3 hosts on this machine, left up for hands-on use (root)'
	@echo 'make lab-clean   takes it away'
	@echo 'make test        every test, on real containerd, CNI and registry (root)'
	@echo 'make soak        the tests of faults, for long: SOAK=10 (minutes each)'
	@echo 'make bench       speed and size, as ratios against peers in the same run (root)'
	@echo 'make sim         simulated clusters: SEEDS=1-1000 (new ones without), NODES=100'
	@echo 'make sim-report  draws Docs/Gossip/*.svg again'
	@echo 'make format      formats the Swift sources'
	@echo 'make lint        format and house rules, checked only'
	@echo 'make generate    Swift of the .proto files, again'

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

sim-report:
	@scripts/gossip-sim.sh report Docs/Gossip

format:
	@scripts/format.sh

lint:
	@scripts/format.sh --lint
	@scripts/tidy.sh

generate:
	@scripts/generate-protos.sh
