#include "db/connection.hpp"

#include "db/opening.hpp"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cstring>

namespace ayb::db {

namespace {

using Time = std::chrono::steady_clock::time_point;

// The server ends a statement that takes too long; a server that can't is given up on later.
constexpr std::chrono::seconds kSilence{5};

Time end_after(std::chrono::milliseconds timeout) {
    return std::chrono::steady_clock::now() + timeout + kSilence;
}

std::string field(const PGresult *result, int code) {
    const char *value = PQresultErrorField(result, code);
    return value != nullptr ? value : "";
}

Error make_error(const PGresult *result) {
    Error error(field(result, PG_DIAG_MESSAGE_PRIMARY), field(result, PG_DIAG_SQLSTATE));
    error.severity = field(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    error.detail = field(result, PG_DIAG_MESSAGE_DETAIL);
    error.hint = field(result, PG_DIAG_MESSAGE_HINT);
    error.column = field(result, PG_DIAG_COLUMN_NAME);
    error.schema = field(result, PG_DIAG_SCHEMA_NAME);
    error.table = field(result, PG_DIAG_TABLE_NAME);
    return error;
}

// What all our statements take for granted; $1 says whether for the transaction alone. Each reads
// little, of a view of many days: to compile it would take longer than to run it.
constexpr const char *kSessionSettings =
    "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', $1::boolean),"
    " pg_catalog.set_config('TimeZone', 'UTC', $1::boolean),"
    " pg_catalog.set_config('DateStyle', 'ISO', $1::boolean),"
    " pg_catalog.set_config('IntervalStyle', 'postgres', $1::boolean),"
    " pg_catalog.set_config('jit', 'off', $1::boolean),"
    " pg_catalog.set_config('statement_timeout', $2, $1::boolean)";

std::vector<const char *> pointers(const Parameters &parameters) {
    std::vector<const char *> values;
    values.reserve(parameters.size());
    for (const Parameter &parameter : parameters)
        values.push_back(parameter ? parameter->c_str() : nullptr);
    return values;
}

} // namespace

Result::Result(pg_result *result) : result_(result) {}

void Result::Clear::operator()(pg_result *result) const { PQclear(result); }

int Result::rows() const { return PQntuples(result_.get()); }

std::optional<std::string> Result::at(int row, int column) const {
    if (PQgetisnull(result_.get(), row, column))
        return std::nullopt;
    return std::string(PQgetvalue(result_.get(), row, column),
                       static_cast<std::size_t>(PQgetlength(result_.get(), row, column)));
}

Connection::Connection(const ConnectionSettings &settings)
    : connection_(open(settings.dsn)), cancel_(PQgetCancel(connection_)),
      timeout_(settings.statement_timeout) {
    PQsetnonblocking(connection_, 1);
    PQsetNoticeReceiver(connection_, note, this);
    try {
        set_up();
    } catch (...) {
        PQfreeCancel(cancel_);
        PQfinish(connection_);
        throw;
    }
}

Connection::~Connection() {
    PQfreeCancel(cancel_);
    PQfinish(connection_);
}

// A pooler gives us a number of its own, and not the one of a server's process.
void Connection::set_up() {
    static const std::string whose = "SELECT pg_catalog.pg_backend_pid()";
    const Result server = query_once(whose, {});
    pooled_ = server.at(0, 0) != std::to_string(PQbackendPID(connection_));
    if (pooled_)
        return;
    query_once(kSessionSettings, {"false", std::to_string(timeout_.count())});
}

void Connection::set_timeout(std::chrono::milliseconds timeout) {
    static const std::string sql = "SELECT pg_catalog.set_config('statement_timeout', $1, false)";
    if (!pooled_)
        query(sql, {std::to_string(timeout.count())});
    timeout_ = timeout;
}

bool Connection::intact() const {
    return !broken_ && PQstatus(connection_) == CONNECTION_OK &&
           PQtransactionStatus(connection_) == PQTRANS_IDLE;
}

bool Connection::usable() {
    if (!intact())
        return false;
    pollfd look{PQsocket(connection_), POLLIN, 0};
    while (::poll(&look, 1, 0) > 0) {
        if (!PQconsumeInput(connection_))
            return false;
        PQisBusy(connection_); // reads what has come
        if (broken_ || PQstatus(connection_) != CONNECTION_OK)
            return false;
    }
    return true;
}

// What an idle session is told by a server that ends it comes as a notice.
void Connection::note(void *connection, const PGresult *notice) {
    const std::string severity = field(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity == "FATAL" || severity == "PANIC")
        static_cast<Connection *>(connection)->broken_ = true;
}

void Connection::lost(bool sent) {
    broken_ = true;
    const std::string why = last_error(connection_);
    throw Unavailable(why.empty() ? "the database doesn't answer" : why, sent);
}

void Connection::wait(bool for_write, Time end) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    pollfd look{PQsocket(connection_), static_cast<short>(for_write ? POLLIN | POLLOUT : POLLIN),
                0};
    const int ready = ::poll(&look, 1, static_cast<int>(std::max<long>(left.count(), 0)));
    if (ready == 0 || (ready < 0 && errno != EINTR))
        lost(true);
}

void Connection::flush(Time end) {
    for (;;) {
        const int left = PQflush(connection_);
        if (left == 0)
            return;
        if (left < 0)
            lost(true);
        wait(true, end);
        if (!PQconsumeInput(connection_))
            lost(true);
    }
}

Result Connection::finish(bool sent) {
    if (!sent)
        lost(false);
    const Time end = end_after(timeout_);
    flush(end);
    Result result(nullptr);
    while (pg_result *next = next_result(end))
        result = Result(next);
    result_check(result);
    return result;
}

pg_result *Connection::next_result(Time end) {
    while (PQisBusy(connection_)) {
        wait(false, end);
        if (!PQconsumeInput(connection_))
            break;
    }
    return PQgetResult(connection_);
}

void Connection::result_check(const Result &result, std::size_t statement) {
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return;
    if (PQstatus(connection_) != CONNECTION_OK || result.get() == nullptr)
        lost(true);
    Error error = make_error(result.get());
    error.statement = statement;
    // The server goes away, or became a standby: the next session is to look for the right one.
    if (error.sqlstate.compare(0, 3, "57P") == 0 || error.sqlstate == "25006") {
        broken_ = true;
        throw Unavailable(error.what(), true);
    }
    throw error;
}

const std::string &Connection::prepare(const std::string &sql) {
    const auto found = prepared_.find(sql);
    if (found != prepared_.end())
        return found->second;
    const std::string name = "s" + std::to_string(prepared_.size());
    finish(PQsendPrepare(connection_, name.c_str(), sql.c_str(), 0, nullptr) == 1);
    return prepared_.emplace(sql, name).first->second;
}

Result Connection::query(const std::string &sql, const Parameters &parameters) {
    if (pooled_)
        return std::move(query_all({{sql, parameters}}).front());
    prepare(sql);
    return finish(send({sql, parameters}));
}

Result Connection::query_once(const std::string &sql, const Parameters &parameters) {
    if (pooled_)
        return std::move(query_all({{sql, parameters}}).front());
    const std::vector<const char *> values = pointers(parameters);
    return finish(PQsendQueryParams(connection_, sql.c_str(), static_cast<int>(values.size()),
                                    nullptr, values.data(), nullptr, nullptr, 0) == 1);
}

Result Connection::call(const std::string &sql, const Parameters &parameters) {
    const std::vector<const char *> values = pointers(parameters);
    return finish(PQsendQueryParams(connection_, sql.c_str(), static_cast<int>(values.size()),
                                    nullptr, values.data(), nullptr, nullptr, 0) == 1);
}

// Whether it came in time can't be known.
void Connection::cancel() const {
    char why[256];
    if (cancel_ != nullptr)
        PQcancel(cancel_, why, sizeof(why));
}

// By its name where it is prepared.
bool Connection::send(const Statement &statement) {
    const std::vector<const char *> values = pointers(statement.parameters);
    const int count = static_cast<int>(values.size());
    const auto known = prepared_.find(statement.sql);
    if (known == prepared_.end())
        return PQsendQueryParams(connection_, statement.sql.c_str(), count, nullptr, values.data(),
                                 nullptr, nullptr, 0) == 1;
    return PQsendQueryPrepared(connection_, known->second.c_str(), count, values.data(), nullptr,
                               nullptr, 0) == 1;
}

// What is sent up to one Sync is one transaction by itself, without BEGIN and COMMIT.
std::vector<Result> Connection::query_all(const std::vector<Statement> &statements) {
    static const std::string settings_sql = kSessionSettings;
    const Parameters settings = {"true", std::to_string(timeout_.count())};
    if (!pooled_)
        for (const Statement &statement : statements)
            prepare(statement.sql);
    bool sent = PQenterPipelineMode(connection_) == 1;
    if (pooled_)
        sent = sent && send({settings_sql, settings});
    for (const Statement &statement : statements)
        sent = sent && send(statement);
    sent = sent && PQpipelineSync(connection_) == 1;
    const std::size_t extra = pooled_ ? 1 : 0;
    return finish_all(sent, extra, statements.size());
}

// All are read, also behind one that failed, so that the session can be used again. The first ones
// are our own.
std::vector<Result> Connection::finish_all(bool sent, std::size_t extra, std::size_t count) {
    if (!sent)
        lost(false);
    const Time end = end_after(timeout_);
    flush(end);
    std::vector<Result> results;
    for (;;) {
        Result result(next_result(end));
        const ExecStatusType status = PQresultStatus(result.get());
        if (PQstatus(connection_) != CONNECTION_OK)
            lost(true);
        if (status == PGRES_PIPELINE_SYNC)
            break;
        if (result.get() != nullptr && status != PGRES_PIPELINE_ABORTED)
            results.push_back(std::move(result));
    }
    PQexitPipelineMode(connection_);
    for (std::size_t i = 0; i < results.size(); i++)
        result_check(results[i], i < extra ? 0 : i - extra);
    if (results.size() != extra + count)
        lost(true);
    results.erase(results.begin(), results.begin() + static_cast<std::ptrdiff_t>(extra));
    return results;
}

std::string masked(const std::string &dsn) {
    PQconninfoOption *options = PQconninfoParse(dsn.c_str(), nullptr);
    if (options == nullptr)
        return "(not readable)";
    std::string out;
    for (const PQconninfoOption *option = options; option->keyword != nullptr; option++) {
        if (option->val == nullptr)
            continue;
        const bool secret = std::strcmp(option->keyword, "password") == 0 ||
                            std::strcmp(option->keyword, "sslpassword") == 0;
        out += (out.empty() ? "" : " ") + std::string(option->keyword) + "=" +
               (secret ? "****" : option->val);
    }
    PQconninfoFree(options);
    return out;
}

} // namespace ayb::db
