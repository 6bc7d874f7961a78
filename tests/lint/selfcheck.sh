#!/bin/bash
# The rules that read text are tried on small trees: each must find what is wrong there, and nothing in a good one.
source "$(dirname "$0")/lib.sh"

lab=$(mktemp -d)
trap 'rm -rf "$lab"' EXIT

# try RULE good|bad FILE TEXT: RULE on a tree that holds just FILE.
try() {
    local verdict=good output
    rm -rf "$lab/tree"
    mkdir -p "$lab/tree/extension/"{core,pg,jobs,group,outside,schedule,look,workers} "$lab/tree/$(dirname "$3")"
    touch "$lab/tree/extension/"{core,pg,jobs,group,outside,schedule,look,workers}/a.hpp
    printf '%b' "$4" >"$lab/tree/$3"
    output=$("$lint/$1.sh" "$lab/tree") || verdict=bad
    [[ $verdict == "$2" ]] || wrong "tests/lint/$1.sh" "finds this $verdict, not $2: $3: $4 $output"
}

try rooms good extension/core/x.cpp '#include "core/a.hpp"\n#include <vector>\n// #include "pg/a.hpp"\n'
try rooms good extension/pg/x.cpp '#include "postgres.h"\n#include "utils/guc.h"\n#include "core/a.hpp"\n'
try rooms good extension/workers/x.cpp '#include "jobs/a.hpp"\n#include "pg/a.hpp"\n'
try rooms good extension/ayb_jobs.cpp '#include "workers/a.hpp"\n'
try rooms bad extension/core/x.cpp '#include "postgres.h"\n'
try rooms bad extension/core/x.cpp '#include <utils/guc.h>\n'
try rooms bad extension/core/x.cpp '#include "pg/a.hpp"\n'
try rooms bad extension/pg/x.cpp '#include "jobs/a.hpp"\n'
try rooms bad extension/jobs/x.cpp '#include "workers/a.hpp"\n'
try rooms bad extension/jobs/x.cpp '#include "schedule/a.hpp"\n'
try rooms bad extension/group/x.cpp '#include "outside/a.hpp"\n'
try rooms bad extension/schedule/x.cpp '#include "look/a.hpp"\n'
try rooms good extension/look/x.cpp '#include "outside/a.hpp"\n#include "group/a.hpp"\n'
try rooms bad extension/jobs/x.cpp '#include "a.hpp"\n'
try rooms bad extension/jobs/x.cpp '#include "../workers/a.hpp"\n'
try rooms bad extension/attic/x.cpp '\n'
try rooms bad extension/other.cpp '\n'
try rooms good extension/pg/postgres.hpp '#if PG_VERSION_NUM >= 160000\n#endif\n'
try rooms good extension/pg/x.cpp '// not PG_VERSION_NUM\n'
try rooms bad extension/pg/x.cpp '#if PG_VERSION_NUM >= 160000\n#endif\n'
try rooms bad sidecar/db/x.cpp '#include "extension/core/a.hpp"\n'
try rooms bad sidecar/db/x.cpp '#include "core/a.hpp"\n'
try rooms good sidecar/api/x.cpp '#include "db/pool.hpp"\n#include "http/message.hpp"\n#include <libpq-fe.h>\n'
try rooms good sidecar/http/x.cpp '#include "json/json.hpp"\n'
try rooms bad sidecar/http/x.cpp '#include "db/pool.hpp"\n'
try rooms bad sidecar/json/x.cpp '#include "http/message.hpp"\n'
try rooms bad sidecar/db/x.cpp '#include "json/json.hpp"\n'
try rooms bad sidecar/attic/x.cpp '\n'

try length good extension/jobs/x.cpp "$(printf '//\\n%.0s' {1..400})"
try length bad extension/jobs/x.cpp "$(printf '//\\n%.0s' {1..401})"

try wall good extension/jobs/x.cpp '// throw, std::thread\nstatic const char *s = "std::vector"; std::string_view v; std::array<int, 2> a;\n'
try wall good extension/core/x.cpp 'std::string f() { throw 1; }\n'
try wall good extension/pg/wall.cpp 'void f() noexcept { try { g(); } catch (...) { } }\n'
try wall good extension/pg/x.cpp 'PG_TRY(); { for (;;) { break; } f(); } PG_CATCH(); { g(); } PG_END_TRY(); return;\n'
try wall bad extension/pg/x.cpp 'PG_TRY(); {\n return;\n } PG_CATCH(); { } PG_END_TRY();\n'
try wall bad extension/pg/x.cpp 'PG_TRY(); { f(); } PG_CATCH(); {\n goto out;\n } PG_END_TRY();\n'
try wall bad extension/pg/x.cpp 'for (;;) { PG_TRY(); {\n break;\n } PG_CATCH(); { } PG_END_TRY(); }\n'
try wall bad extension/jobs/x.cpp 'void f() { try { g(); } catch (...) { } }\n'
try wall bad extension/jobs/x.cpp 'void f() { throw 1; }\n'
try wall bad extension/jobs/x.cpp 'std::string name;\n'
try wall bad extension/core/x.cpp '#include <iostream>\n'
try wall bad extension/core/x.cpp 'std::thread t;\n'

try schedules good docs/x 'x'
try schedules bad regress/sql/a.sql 'SELECT 1;\n'
try schedules bad regress/isolation/specs/a.spec 'session s\n'

try versions good docs/x 'x'
try versions bad extension/ayb_jobs.control "default_version = '1.1'\n"

# The objects of a good and of a bad file.
try_object() { # try_object good|bad TEXT
    local verdict=good
    rm -rf "$lab/tree"
    mkdir -p "$lab/tree/extension/pg"
    printf '%b' "$2" >"$lab/tree/extension/pg/x.cpp"
    g++ -std=c++17 -fPIC -c -o "$lab/tree/extension/pg/x.o" "$lab/tree/extension/pg/x.cpp"
    "$lint/constructors.sh" "$lab/tree" >/dev/null || verdict=bad
    [[ $verdict == "$1" ]] || wrong tests/lint/constructors.sh "finds this $verdict, not $1: $2"
}
try_object good 'static int counter; constexpr char name[] = "x"; int f() { return ++counter + name[0]; }\n'
try_object bad '#include <string>\nstd::string name = "a long name that needs the heap";\n'
try_object bad '#include <iostream>\nint f() { return 0; }\n'
try_object bad '#include <vector>\nstd::vector<int> &f() { static std::vector<int> v(3); return v; }\n'
finish
