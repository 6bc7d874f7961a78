# The rules that read text are tried on small trees: each must find what is wrong there, and nothing in a good one.
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use FindBin;
use lib $FindBin::RealBin;
use Arguments;
use Conditions;
use Length;
use Links;
use Lint;
use Locks;
use Rooms;
use Sql;
use Wall;
use Words;

my $tree = tempdir(CLEANUP => 1) . '/tree';
my $failures = 0;

# Makes a tree of these files, in which \n is a line's end, beside a header in each of some rooms.
sub plant {
    my (%files) = @_;
    chdir '/';
    remove_tree($tree);
    my @headers = map { "extension/$_/a.hpp" } qw(core pg jobs group outside schedule look workers);
    for my $file (@headers, keys %files) {
        make_path("$tree/" . dirname($file));
        (my $text = $files{$file} // '') =~ s/\\n/\n/g;
        open my $out, '>', "$tree/$file" or die "$file: $!\n";
        print {$out} $text;
        close $out or die "$file: $!\n";
    }
    return;
}

sub expect {
    my ($rule, $verdict, $bad, $said, @files) = @_;
    return if $verdict eq ($bad ? 'bad' : 'good');
    printf "tests/lint/%s: finds this %s, not %s: @files $said\n", $rule, $bad ? 'bad' : 'good', $verdict;
    $failures++;
    return;
}

# A rule in Perl. `bad` may be a pattern, which what it says has to match.
sub try_rule {
    my ($rule, $verdict, @files) = @_;
    plant(@files);
    my ($violations, $said) = Lint::check(ucfirst $rule, $tree);
    return expect($rule, 'bad', $said =~ $verdict, $said, @files) if ref $verdict;
    return expect($rule, $verdict, $violations, $said, @files);
}

sub try_script {
    my ($rule, $verdict, @files) = @_;
    plant(@files);
    my $said = qx("$FindBin::RealBin/$rule.sh" "$tree" 2>&1);
    return expect($rule, 'bad', $said =~ $verdict, $said, @files) if ref $verdict;
    return expect($rule, $verdict, $?, $said, @files);
}

try_rule('rooms', 'good', 'extension/core/x.cpp' => q{#include "core/a.hpp"\n#include <vector>\n// #include "pg/a.hpp"\n});
try_rule('rooms', 'good', 'extension/pg/x.cpp' => q{#include "postgres.h"\n#include "utils/guc.h"\n#include "core/a.hpp"\n});
try_rule('rooms', 'good', 'extension/workers/x.cpp' => q{#include "jobs/a.hpp"\n#include "pg/a.hpp"\n});
try_rule('rooms', 'good', 'extension/ayb_jobs.cpp' => q{#include "workers/a.hpp"\n});
try_rule('rooms', 'bad', 'extension/core/x.cpp' => q{#include "postgres.h"\n});
try_rule('rooms', 'bad', 'extension/core/x.cpp' => q{#include <utils/guc.h>\n});
try_rule('rooms', 'bad', 'extension/core/x.cpp' => q{#include "pg/a.hpp"\n});
try_rule('rooms', 'bad', 'extension/pg/x.cpp' => q{#include "jobs/a.hpp"\n});
try_rule('rooms', 'bad', 'extension/jobs/x.cpp' => q{#include "workers/a.hpp"\n});
try_rule('rooms', 'bad', 'extension/jobs/x.cpp' => q{#include "schedule/a.hpp"\n});
try_rule('rooms', 'bad', 'extension/group/x.cpp' => q{#include "outside/a.hpp"\n});
try_rule('rooms', 'bad', 'extension/schedule/x.cpp' => q{#include "look/a.hpp"\n});
try_rule('rooms', 'good', 'extension/look/x.cpp' => q{#include "outside/a.hpp"\n#include "group/a.hpp"\n});
try_rule('rooms', 'bad', 'extension/jobs/x.cpp' => q{#include "a.hpp"\n});
try_rule('rooms', 'bad', 'extension/jobs/x.cpp' => q{#include "../workers/a.hpp"\n});
try_rule('rooms', 'bad', 'extension/attic/x.cpp' => q{\n});
try_rule('rooms', 'bad', 'extension/other.cpp' => q{\n});
try_rule('rooms', 'good', 'extension/pg/postgres.hpp' => q{#if PG_VERSION_NUM >= 160000\n#endif\n});
try_rule('rooms', 'good', 'extension/pg/x.cpp' => q{// not PG_VERSION_NUM\n});
try_rule('rooms', 'bad', 'extension/pg/x.cpp' => q{#if PG_VERSION_NUM >= 160000\n#endif\n});
try_rule('rooms', 'bad', 'sidecar/db/x.cpp' => q{#include "extension/core/a.hpp"\n});
try_rule('rooms', 'bad', 'sidecar/db/x.cpp' => q{#include "core/a.hpp"\n});
try_rule('rooms', 'good', 'sidecar/api/x.cpp' => q{#include "db/pool.hpp"\n#include "http/message.hpp"\n#include <libpq-fe.h>\n});
try_rule('rooms', 'good', 'sidecar/http/x.cpp' => q{#include "json/json.hpp"\n});
try_rule('rooms', 'bad', 'sidecar/http/x.cpp' => q{#include "db/pool.hpp"\n});
try_rule('rooms', 'bad', 'sidecar/json/x.cpp' => q{#include "http/message.hpp"\n});
try_rule('rooms', 'bad', 'sidecar/db/x.cpp' => q{#include "json/json.hpp"\n});
try_rule('rooms', 'bad', 'sidecar/attic/x.cpp' => q{\n});

# Circles, which the order of the rooms alone doesn't show.
try_rule('rooms', 'good', 'extension/jobs/x.hpp' => q{#include "jobs/y.hpp"\n}, 'extension/jobs/y.hpp' => q{\n},
    'extension/jobs/x.cpp' => q{#include "jobs/x.hpp"\n#include "jobs/y.hpp"\n});
try_rule('rooms', qr/x\.hpp:1: modules need each other|y\.cpp:1: modules need each other: jobs\/x -> jobs\/y -> jobs\/x/,
    'extension/jobs/x.hpp' => q{#include "jobs/y.hpp"\n}, 'extension/jobs/y.hpp' => q{\n},
    'extension/jobs/y.cpp' => q{#include "jobs/x.hpp"\n});
try_rule('rooms', qr/modules need each other: db\/x -> db\/y -> db\/z -> db\/x/,
    'sidecar/db/x.hpp' => q{#include "db/y.hpp"\n}, 'sidecar/db/y.hpp' => q{#include "db/z.hpp"\n},
    'sidecar/db/z.hpp' => q{\n}, 'sidecar/db/z.cpp' => q{#include "db/x.hpp"\n});
try_rule('rooms', qr/rooms need each other: jobs -> look -> jobs/,
    'extension/jobs/x.cpp' => q{#include "look/a.hpp"\n}, 'extension/look/x.cpp' => q{#include "jobs/a.hpp"\n});
try_rule('rooms', qr/rooms need each other: db -> http -> db/, 'sidecar/db/a.hpp' => q{\n}, 'sidecar/http/a.hpp' => q{\n},
    'sidecar/db/x.cpp' => q{#include "http/a.hpp"\n}, 'sidecar/http/x.cpp' => q{#include "db/a.hpp"\n});

try_rule('length', 'good', 'extension/jobs/x.cpp' => "//\n" x 400);
try_rule('length', 'bad', 'extension/jobs/x.cpp' => "//\n" x 401);
try_rule('length', 'good', 'tests/api/support.py' => "#\n" x 400, 'tests/api/test_x.py' => "#\n" x 600, 'regress/t/001_x.pl' => "#\n" x 600);
try_rule('length', qr/tests\/chaos\/x\.py:400: has 401/, 'tests/chaos/x.py' => "#\n" x 401);
try_rule('length', qr/regress\/sql\/x\.sql:600: has 601/, 'regress/sql/x.sql' => "--\n" x 601);
try_rule('length', 'good', map { ("extension/jobs/$_.cpp" => "//\n" x 300) } 1 .. 10);
try_rule('length', qr/extension\/jobs:1: has 3001 lines/, 'extension/jobs/x.hpp' => "//\n",
    map { ("extension/jobs/$_.cpp" => "//\n" x 300) } 1 .. 10);

try_rule('conditions', 'good', 'extension/group/x.cpp' => "if (a) b; // if, && and ?\n" x 121, 'extension/jobs/x.cpp' => "if (a) b;\n");
try_rule('conditions', 'bad', 'extension/group/x.cpp' => "if (a) b;\n" x 122);
try_rule('conditions', 'bad', 'extension/group/x.cpp' => "a = b && c || d ? e : f;\n" x 40, 'extension/pg/traces.cpp' => "for (;;) while (a) {}\n");

try_rule('wall', 'good', 'extension/jobs/x.cpp' => q{// throw, std::thread\nstatic const char *s = "std::vector"; std::string_view v; std::array<int, 2> a;\n});
try_rule('wall', 'good', 'extension/core/x.cpp' => q{std::string f() { throw 1; }\n});
try_rule('wall', 'good', 'extension/pg/wall.cpp' => q{void f() noexcept { try { g(); } catch (...) { } }\n});
try_rule('wall', 'good', 'extension/pg/x.cpp' => q{PG_TRY(); { for (;;) { break; } f(); } PG_CATCH(); { g(); } PG_END_TRY(); return;\n});
try_rule('wall', 'bad', 'extension/pg/x.cpp' => q{PG_TRY(); {\n return;\n } PG_CATCH(); { } PG_END_TRY();\n});
try_rule('wall', 'bad', 'extension/pg/x.cpp' => q{PG_TRY(); { f(); } PG_CATCH(); {\n goto out;\n } PG_END_TRY();\n});
try_rule('wall', 'bad', 'extension/pg/x.cpp' => q{for (;;) { PG_TRY(); {\n break;\n } PG_CATCH(); { } PG_END_TRY(); }\n});
try_rule('wall', 'bad', 'extension/jobs/x.cpp' => q{void f() { try { g(); } catch (...) { } }\n});
try_rule('wall', 'bad', 'extension/jobs/x.cpp' => q{void f() { throw 1; }\n});
try_rule('wall', 'bad', 'extension/jobs/x.cpp' => q{std::string name;\n});
try_rule('wall', 'bad', 'extension/core/x.cpp' => q{#include <iostream>\n});
try_rule('wall', 'bad', 'extension/core/x.cpp' => q{std::thread t;\n});

try_rule('wall', 'good', 'extension/pg/x.cpp' => q{void f() { table_open(1, 2); }\n});
try_rule('wall', 'good', 'extension/jobs/x.cpp' => q{void f() { Oid o = extension_table("x"); } // table_open(1, 2)\n});
try_rule('wall', 'bad', 'extension/jobs/x.cpp' => q{void f() { heap_getattr(1, 2); }\n});
try_rule('wall', 'bad', 'extension/jobs/x.cpp' => q{void f() { index_open (1, 2); }\n});
try_rule('wall', 'bad', 'extension/jobs/x.cpp' => q{void f() { g(table_open(1, 2)); }\n});
try_rule('wall', 'bad', 'extension/jobs/x.cpp' => q{void f(Relation r) { const TriggerDesc *t = r->trigdesc; }\n});
try_rule('wall', 'bad', 'extension/jobs/x.cpp' => q{Oid f(Relation r) { return r->rd_pkindex; }\n});
try_rule('wall', 'bad', 'extension/jobs/x.cpp' => q{void f() { ExecDropSingleTupleTableSlot(1); }\n});

try_rule('locks', 'good', 'extension/jobs/x.cpp' =>
    q{void f() {\n SpinLockAcquire(&m);\n int now = Max(a, b);\n SpinLockRelease(&m);\n kill(now, SIGINT);\n}\n});
try_rule('locks', 'good', 'extension/jobs/x.cpp' => q{with_entry(key, [&](Lane &lane) { lane.slow = slow; }); clock_now();\n});
try_rule('locks', qr/x\.cpp:3: kill/, 'extension/jobs/x.cpp' =>
    q{void f() {\n SpinLockAcquire(&m);\n kill(pid, SIGINT);\n SpinLockRelease(&m);\n}\n});
try_rule('locks', qr/x\.cpp:1: clock_now/, 'extension/jobs/x.cpp' =>
    q{with_entry(key, [&](Lane &lane) { lane.not_before = clock_now(); });\n});
try_rule('locks', qr/x\.cpp:2: GetCurrentTimestamp/, 'extension/memory/x.cpp' =>
    q{change_slot(i, [&](WorkerSlot &slot) {\n slot.since = GetCurrentTimestamp();\n});\n});
try_rule('locks', qr/lock_slot\(\) outside/, 'extension/jobs/x.cpp' => q{WorkerSlot *slot = lock_slot(0);\n});
try_rule('locks', qr/find_lane\(\) outside/, 'extension/jobs/x.cpp' => q{Lane *lane = find_lane(key);\n});

my @refusal = ('extension/jobs/x.cpp' => q{errmsg("type \"%s\" waits until "\n    "it is given out", type)\n});
try_rule('words', 'good', @refusal, 'tests/api/a.py' => q{# it is given out\nself.raised(answer, 409, "55000")\n});
try_rule('words', qr/a\.py:2: "waits until it is given out" are words/, @refusal, 'tests/api/a.py' => q{\n"waits until it is given out"\n});
try_rule('words', 'bad', @refusal, 'tests/dashboard/a.js' => q{getByText(/waits until it is given out/)\n});
try_rule('words', 'good', @refusal, 'tests/api/a.py' => q{"waits until it is given out"\n}, 'sidecar/api/x.cpp' => q{"waits until it is given out"\n});
try_rule('words', 'good', 'sidecar/api/x.cpp' => q{if (error.sqlstate == "55000") say("no such job");\n});
try_rule('words', 'bad', 'sidecar/api/x.cpp' => q{if (said == "no such job") f();\n});
try_rule('words', 'bad', 'sidecar/dashboard/src/x.ts' => q{if (error.message.includes("no such job")) f();\n});

try_rule('sql', 'good', 'extension/pg/x.cpp' => q{void f() { SPI_execute(sql, false, 0); StartTransactionCommand(); open_books(); }\n});
try_rule('sql', 'good', 'extension/jobs/x.cpp' => q{Sql<Oid> g_x{"SELECT $1"}; void f() { in_books([] { g_x.run(1); }); SPI_fnumber(a, b); }\n});
try_rule('sql', 'good', 'extension/handlers/command.cpp' => q{StartTransactionCommand();\n});
try_rule('sql', qr/x\.cpp:1: SQL is run by/, 'extension/jobs/x.cpp' => q{int r = SPI_execute_with_args(sql, 1, types, &value, 0, false, 0);\n});
try_rule('sql', qr/x\.cpp:2: a list of types/, 'extension/jobs/x.cpp' => q{\nStatement s_x{"SELECT $1", 1, {OIDOID}, nullptr};\n});
try_rule('sql', qr/x\.cpp:1: books/, 'extension/jobs/x.cpp' => q{const Books books = open_books();\n});
try_rule('sql', qr/x\.cpp:1: a transaction/, 'extension/jobs/x.cpp' => q{StartTransactionCommand();\n});

try_script('ascii', 'good', 'extension/jobs/x.cpp' => qq{f("a -> b"); // \xe2\x86\x92\n});
try_script('ascii', 'bad', 'extension/jobs/x.cpp' => qq{f("a \xe2\x86\x92 b");\n});
try_rule('arguments', 'good', 'extension/jobs/x.cpp' => q{ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),\n errmsg("x;"), err_generic_string(PG_DIAG_COLUMN_NAME, "x")));\nereport(ERROR, (errcode(ERRCODE_NO_DATA_FOUND), errmsg("x")));\n});
try_rule('arguments', qr/x\.cpp:2: the error names no argument/, 'extension/jobs/x.cpp' => q{\nereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),\n errmsg("x")));\nf(PG_DIAG_COLUMN_NAME);\n});
try_script('ascii', 'good', 'sql/x.sql' => q{-- a -> b\n});
try_script('ascii', 'bad', 'sql/x.sql' => qq{-- a \xe2\x86\x92 b\n});

try_script('schedules', 'good', 'docs/x' => q{x});
try_script('schedules', 'bad', 'regress/sql/a.sql' => q{SELECT 1;\n});
try_script('schedules', 'bad', 'regress/isolation/specs/a.spec' => q{session s\n});
try_script('schedules', 'bad', 'regress/t/001_a.pl' => q{1;\n}, 'regress/t/001_b.pl' => q{1;\n});
my $strict = q{use strict;\nuse warnings;\n};
try_script('shell', 'good', 'tests/x.sh' => q{#!/bin/bash\necho "$1"\n}, 'tests/y' => q{#!/usr/bin/python3\n});
try_script('shell', 'bad', 'tests/x.sh' => q{#!/bin/bash\necho $1\n});
try_script('shell', 'bad', 'tests/x' => q{#!/bin/bash\necho $1\n});
try_script('perl', 'good', 'regress/t/a.pl' => $strict . q{open my $in, '<', 'x' or die "x: $!";\nsub f { my ($x) = @_; print $x }\n});
try_script('perl', 'bad', 'tests/a' => q{#!/usr/bin/perl\nprint 1;\n});
try_script('perl', qr/:3: .*CaptureWithoutTest.*:4: .*CheckedOpen.*:5: .*ReturnValueOfEval.*:6: .*ReusedNames.*:7: .*TestLabels/s,
    'regress/t/a.pl' => $strict . q{if (/(a)/) { die if /b/ && $1 eq 'a' }\nopen STDIN, '<', 'x';\neval { f() };\n}
        . q{my $x = 1; sub f { my ($x) = @_; return $x + 1 }\nuse Test::More; is(1, 1);\n});
try_script('python', 'good', 'tests/api/a.py' => qq{print("@{['x' x 121]}")\\n}, 'tests/b' => q{#!/bin/sh\n});
try_script('python', qr/a\.py:1:131: E501/, 'tests/api/a.py' => qq{print("@{['x' x 122]}")\\n});
try_script('python', qr/b:2:1: F401/, 'tests/b' => q{#!/usr/bin/env python3\nimport os\n});
my $index = q{[a](guide/a.md)\n};
try_rule('links', 'good', 'docs/README.md' => $index, 'README.md' => q{[b](docs/guide/a.md#one-two-1)\n```\n[c](nowhere)\n```\n`[d](nowhere)`\n},
    'docs/guide/a.md' => q{# One: `two`\n## [One](../README.md) two\n[all](../) [web](https://localhost/x) [here](#one-two)\n}, 'sql/x.sql' => q{-- docs/guide/a.md\n});
try_rule('links', qr/docs\/guide\/a\.md:1: .*README\.md has no link/, 'docs/README.md' => q{x\n}, 'README.md' => q{[a](docs/guide/a.md)\n},
    'docs/guide/a.md' => q{# A\n});
try_rule('links', qr/a\.md:2: \.\.\/b\.md isn't there/, 'docs/README.md' => $index, 'docs/guide/a.md' => q{\n[b](../b.md)\n});
try_rule('links', qr/a\.md:1: \.\/c\.png isn't there/, 'docs/README.md' => $index, 'docs/guide/a.md' => q{<img src="./c.png">\n});
try_rule('links', qr/a\.md:2: #two: there is no such heading/, 'docs/README.md' => $index, 'docs/guide/a.md' => q{# One\n[b](#two)\n});
try_rule('links', qr/x\.sql:2: docs\/b\.md isn't there/, 'docs/README.md' => q{x\n}, 'sql/x.sql' => q{\n-- docs/b.md\n});
my $page = q{| what | limit |\n|---|---|\n};
my $code = q{constexpr int kMaxKeyBytes = 255;\n};
try_script('limits', 'good', 'docs/reference/limits.md' => qq{$page| worker id | 255 bytes |\n}, 'extension/x.hpp' => $code);
try_script('limits', 'bad', 'docs/reference/limits.md' => qq{$page| worker id | 256 bytes |\n}, 'extension/x.hpp' => $code);
try_script('limits', 'bad', 'docs/reference/limits.md' => qq{$page| another | 255 bytes |\n}, 'extension/x.hpp' => $code);
# Each is good but for what stands instead.
my %figures = ('sidecar/figures/names.cpp' => q{{"ayb_jobs_up", Kind::gauge}\n},
    'docs/operations/monitoring.md' => q{| `ayb_jobs_up` | |\n| `Down` | |\n},
    'ops/grafana/ayb_jobs.json' => q{"expr": "ayb_jobs_up"\n},
    'ops/prometheus/alerts.yml' => q{groups: [{name: a, rules: [\n  # - alert: Down\n  {alert: Down, expr: ayb_jobs_up == 0}]}]\n},
    'ops/prometheus/alerts_test.yml' => q{rule_files: [alerts.yml]\ntests:\n  - input_series: [{series: ayb_jobs_up, values: '0'}]\n    alert_rule_test:\n    - {eval_time: 0m, alertname: Down, exp_alerts: [{}]}\n});
try_script('figures', 'good', %figures);
try_script('figures', qr/monitoring\.md has no ayb_jobs_up/, %figures, 'docs/operations/monitoring.md' => q{| `Down` | |\n});
try_script('figures', qr/what to do about Down/, %figures, 'docs/operations/monitoring.md' => q{`ayb_jobs_up`\n});
try_script('figures', qr/there is no metric ayb_jobs_up/, %figures, 'sidecar/figures/names.cpp' => q{"ayb_jobs_gone"\n});
try_script('figures', qr/no panel of .* and no alert has ayb_jobs_else/, %figures,
    'sidecar/figures/names.cpp' => q{{"ayb_jobs_up", Kind::gauge},\n{"ayb_jobs_else", Kind::gauge}\n},
    'docs/operations/monitoring.md' => q{| `ayb_jobs_up` `ayb_jobs_else` | |\n| `Down` | |\n},
    'ops/grafana/ayb_jobs.json' => q{"title": "ayb_jobs_else"\n"expr": "ayb_jobs_up"\n});
try_script('figures', qr/FAILED/, %figures, 'ops/prometheus/alerts_test.yml' => q{rule_files: [alerts.yml]\ntests:\n  - input_series: [{series: ayb_jobs_up, values: '1'}]\n    alert_rule_test:\n    - {eval_time: 0m, alertname: Down, exp_alerts: [{}]}\n});
try_script('clocks', 'good', 'regress/t/a.pl' => q{my $deadline = time + 60;\n1 while time < $deadline;\n});
try_script('clocks', 'good', 'tests/api/a.py' => q{end = time.monotonic() + 60\n});
try_script('clocks', 'bad', 'regress/t/a.pl' => q{ok(time - $start < 5);\n});
try_script('clocks', 'bad', 'regress/t/a.pl' => q{cmp_ok($took, '<', 5);\n});
try_script('clocks', 'bad', 'tests/api/a.py' => q{self.assertLess(time.monotonic() - started, 5)\n});
try_script('clocks', 'bad', 'tests/dashboard/a.js' => q{assert.ok(Date.now() - began < 5000);\n});
try_script('versions', 'good', 'docs/x' => q{x});
try_script('versions', 'bad', 'extension/ayb_jobs.control' => q{default_version = '1.1'\n});

# The objects of a good and of a bad file.
sub try_object {
    my ($verdict, $text) = @_;
    plant('extension/pg/x.cpp' => $text);
    system('g++', '-std=c++17', '-fPIC', '-c', '-o', "$tree/extension/pg/x.o", "$tree/extension/pg/x.cpp") == 0
        or die "g++ failed\n";
    qx("$FindBin::RealBin/constructors.sh" "$tree");
    return expect('constructors', $verdict, $?, '', $text);
}
try_object('good', q~static int counter; constexpr char name[] = "x"; int f() { return ++counter + name[0]; }\n~);
try_object('bad', q~#include <string>\nstd::string name = "a long name that needs the heap";\n~);
try_object('bad', q~#include <iostream>\nint f() { return 0; }\n~);
try_object('bad', q~#include <vector>\nstd::vector<int> &f() { static std::vector<int> v(3); return v; }\n~);
chdir '/';
exit($failures ? 1 : 0);
