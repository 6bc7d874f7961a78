#include "app/manual.hpp"

#include "app/settings.hpp"
#include "cli/command.hpp"
#include "work/options.hpp"

namespace ayb::app {

namespace {

constexpr const char *kBegin = R"(.Dd November 21, 2026
.Dt AYB-JOBS 1
.Os
.Sh NAME
.Nm ayb-jobs
.Nd admin API and command line of ayb_jobs, background jobs in PostgreSQL
.Sh SYNOPSIS
.Nm
.Ar command
.Op Fl -dsn Ar dsn
.Op Fl -output Cm table | json | csv
.Nm
.Ar command
.Fl -url Ar url
.Op Fl -token Ar token
.Op Fl -output Cm table | json | csv
.Nm
.Cm serve
.Op Fl -print-config
.Op Fl - Ns Ar setting Ar value ...
.Nm
.Cm work
.Ar type ...
.Op Fl - Ns Ar option Ar value ...
.Fl -
.Ar command Op Ar argument ...
.Nm
.Cm completion
.Cm bash | zsh | fish
.Nm
.Cm help | manual | --version
.Sh DESCRIPTION
.Nm
shows and changes the jobs, schedules and materialized views of a database
that has the extension ayb_jobs.
It talks to the database itself, or with
.Fl -url
through the admin API; the output is the same.
.Cm serve
serves that API.
.Pp
Tables have colours on a terminal, and control characters in them are shown as
question marks.
JSON is what the API answers, CSV after RFC 4180.
.Ss Commands
.Bl -tag -width Ds
)";

constexpr const char *kBetween = R"(.It Cm completion bash | zsh | fish
print a completion script for this shell
.It Cm help
print commands and settings
.It Cm manual
print this page
.It Cm serve
serve the API until SIGTERM or SIGINT; with
.Fl -print-config
print the settings that count, and where each comes from, instead
.It Cm work Ar type ... Fl - Ar command Op Ar argument ...
be a worker outside of the database: for each job of the types the command is run, with the payload on its standard
input; what it prints becomes the result
.El
.Ss Options of work
.Bl -tag -width Ds
)";

constexpr const char *kBehindWork = R"(.El
.Ss Settings of serve
A flag goes before the environment, that before the file that
.Fl -config
names (a line
.Ql name = value
each), that before the default in brackets.
.Bl -tag -width Ds
)";

constexpr const char *kEnd = R"(.El
.Sh ENVIRONMENT
.Bl -tag -width Ds
.It Ev AYB_JOBS_DSN
the database, where no
.Fl -dsn
is given; else libpq's own variables
.Ev PGHOST
and so on
.It Ev AYB_JOBS_THREADS
and so on: the settings of
.Cm serve ,
in capitals and with underscores
.It Ev AYB_ADMIN_TOKEN
the token, where no
.Fl -token
is given: others can read the arguments of a process
.It Ev NO_COLOR
tables have no colours
.It Ev SSL_CERT_FILE
authorities that the API's certificate is checked against
.El
.Sh FILES
.Bl -tag -width Ds
.It Pa /etc/ayb-jobs/ayb-jobs.properties , /etc/ayb-jobs/password
what the systemd unit reads as
.Fl -config
and
.Fl -password-file ;
root alone needs to be able to
.El
.Sh EXIT STATUS
0 is success, 1 a failure, 2 wrong usage.
.Cm work
ends with 1 also where the database couldn't be told how the last jobs ended.
.Cm health
ends as monitoring plug-ins do: 0 all is well, 1 warning, 2 error, 3 unknown.
.Sh EXAMPLES
.Bd -literal
ayb-jobs jobs list --state failed --limit 20
ayb-jobs schedules create --name nightly --job-type report --cron '0 3 * * *'
ayb-jobs health --url https://jobs.example.com --output json
AYB_JOBS_PASSWORD=secret ayb-jobs serve --dsn 'host=db1,db2 user=sidecar dbname=app'
.Ed
.Sh SEE ALSO
.Xr psql 1
)";

// Text that roff takes for text.
std::string plain(const std::string &text) {
    std::string out = text.empty() || (text[0] != '.' && text[0] != '\'') ? "" : "\\&";
    for (const char c : text)
        out += c == '\\' ? std::string("\\e") : std::string(1, c);
    return out;
}

const char *value_of(cli::Option::Kind kind) {
    switch (kind) {
    case cli::Option::Kind::number:
        return " Ar number";
    case cli::Option::Kind::json:
        return " Ar json";
    case cli::Option::Kind::boolean:
        return " Cm true | false";
    case cli::Option::Kind::flag:
        return "";
    default:
        return " Ar text";
    }
}

std::string entry(const cli::Command &command) {
    std::string line = ".It Cm " + cli::name_of(command);
    if (command.argument != nullptr)
        line += std::string(" Ar ") + command.argument;
    for (const cli::Option &option : command.options)
        line += std::string(" Oo Fl -") + option.name + value_of(option.kind) + " Oc";
    return line + "\n" + plain(command.help) + "\n";
}

// A secret is no flag.
std::string entry(const Setting &setting) {
    const bool secret = setting.kind == Setting::Kind::secret;
    std::string line = std::string(secret ? ".It Cm " : ".It Fl -") + setting.name;
    line += setting.kind == Setting::Kind::number ? " Ar number"
            : setting.kind == Setting::Kind::text ? " Ar text"
                                                  : "";
    if (*setting.fallback != '\0')
        line += std::string(" Bq ") + setting.fallback;
    return line + "\n" + plain(setting.help) + "\n";
}

} // namespace

std::string manual() {
    std::string page = kBegin;
    for (const cli::Command &command : cli::all_commands())
        page += entry(command);
    page += kBetween;
    for (const work::Word &word : work::option_words())
        page += std::string(".It Fl -") + word.name +
                (*word.value != '\0' ? std::string(" Ar ") + word.value : "") + "\n" +
                plain(word.help) + "\n";
    page += kBehindWork;
    for (const Setting &setting : all_settings())
        page += entry(setting);
    return page + kEnd;
}

} // namespace ayb::app
