# Everything a person types. `make demo` shows the thing at work; `make check` runs every test.
# The work is in tests/harness and tests/lint: one script a step, each can be called by itself.

SHELL := /bin/bash
harness := tests/harness

.DEFAULT_GOAL := help
# Every rule below is a command: none makes a file of its name.
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' $(MAKEFILE_LIST))

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make demo       install what is missing, build, start the private server and the sidecar, run a job end to end
demo:
	@$(harness)/demo

## make check      run every test, in two lanes; SUITES="unit oracle fuzz page threads regress isolation tap grouped api clients dashboard harness chaos turns",
##                 TESTS="t/001_x.pl" select
check:
	@$(harness)/check

## make ha         three hosts under Patroni and etcd, whose primary is taken away in every way; two minutes
ha:
	@SUITES=ha $(harness)/check

## make up         start the private server in .ayb, and the page, if there has been one; prints exports: eval "$(make -s up)"
up:
	@$(harness)/up page

## make down       stop it, and the sidecar that make demo started
down:
	@$(harness)/down

## make psql       open psql on it
psql:
	@$(harness)/psql

## make lint       format, tidy, and a script for each of the rules
lint:
	@tests/lint/run

## make format     format the C++ after .clang-format
format:
	@$(harness)/dependencies lint
	@find extension sidecar tests -name '*.cpp' -o -name '*.hpp' | xargs -r clang-format -i

## make fuzz       libFuzzer over the cron engine for half an hour; FUZZ_SECONDS=N
fuzz:
	@$(harness)/fuzz $(FUZZ_SECONDS)

## make chaos      200 kills amid a load, a check of what it left, and of broken engines whether the check sees it;
##                 limits are counted amid kills for TURNS_SECONDS=600; FLOW_GRAPHS=1000 graphs of jobs that wait for each other;
##                 CHAOS_KILLS=N, AYB_SEED=N strikes in the same order
chaos:
	@SUITES="chaos turns flows broken" CHAOS_KILLS=$(or $(CHAOS_KILLS),200) TURNS_SECONDS=$(or $(TURNS_SECONDS),600) $(harness)/check

## make mutation   the sidecar's and the dashboard's tests beside an engine that says every error in other words; twenty minutes
mutation:
	@SUITES="mutated_api mutated_dashboard" $(harness)/check

## make valgrind   the SQL tests on a server of its own under memcheck, some ten minutes and a build; TESTS="00_create jobs" selects, GROUPED=1
valgrind:
	@$(harness)/valgrind

## make screenshots  the dashboard's pictures in docs/images; SCREENS="overview" selects
screenshots:
	@$(harness)/screenshots

## make grafana    make ops/grafana/ayb_jobs.json anew, by the script in ops/grafana/source
grafana:
	@$(harness)/build-grafana

## make figures    Prometheus scrapes a demo under load for two minutes, and answers each query of the dashboard; FIGURES_SECONDS=N
figures:
	@tests/figures/run

## make bench      the measurements; BENCH="latency seeing" selects, BENCH_SCALE=small is quicker; AGAINST=REV takes turns
##                 with the extension as it is at REV
bench:
	@tests/bench/run $(BENCH)

## make compile-commands  compile_commands.json of all the C++, for clangd; compiles nothing
compile-commands:
	@$(harness)/compile-commands

## make build      compile the extension against $PG_CONFIG (PostgreSQL 15's by default)
build:
	@$(harness)/dependencies build
	+@$(MAKE) --no-print-directory -C extension PG_CONFIG="$$($(harness)/pg_config)" all

# What PGXN's client calls before `make install`.
all: build

## make sidecar    compile ayb-jobs (admin API, command line) into .ayb/build/sidecar
sidecar:
	@$(harness)/build-sidecar

## make install    put the extension into the system's PostgreSQL, and ayb-jobs below PREFIX (/usr/local); uninstall takes
##                 both out again; install-extension and install-sidecar are for one of them
install: install-extension install-sidecar

install-extension: build
	+@$(MAKE) --no-print-directory -C extension PG_CONFIG="$$($(harness)/pg_config)" install

install-sidecar:
	@$(harness)/install-sidecar

uninstall:
	+@$(MAKE) --no-print-directory -C extension PG_CONFIG="$$($(harness)/pg_config)" uninstall
	@$(harness)/install-sidecar remove

## make packages   Debian packages in .ayb/packages; MAJORS="15 17 18": for which majors of PostgreSQL, others than 15 by root
packages:
	@$(harness)/packages

## make packages-check  that, and each is installed on a fresh root, serves, and leaves nothing
packages-check: packages
	@tests/packages/check

## make first-check  README.md's ten commands, on a fresh Debian each, by root and by a user with sudo; by root, half an hour
first-check:
	@tests/packages/first

## make upgrade-check  pg_upgrade from 15 to 17, with the packages that make packages MAJORS="15 17" has made; by root
upgrade-check:
	@tests/packages/upgrade

## make pgxn-check  an archive of this checkout is installed by PGXN's client, into a PostgreSQL of its own
pgxn-check:
	@tests/packages/pgxn

## make images-check  the images of ops/docker, of the packages that make packages has made; by root
images-check:
	@tests/packages/images

## make majors     build and test on PostgreSQL 17 and 18 too, in Debian roots of their own; needs root. MAJORS="18" selects
majors:
	@$(harness)/majors

## make arm64-check  compile for ARM64, and run the unit tests and the SQL tests there, under qemu; needs root, and half an hour
arm64-check:
	@tests/arm64/run

## make clean      remove what was built; distclean removes the private server and its data too
clean:
	@$(harness)/clean

distclean:
	@$(harness)/clean all
