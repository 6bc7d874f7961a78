#pragma once
// One session, of one thread at a time.
#include "db/error.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct pg_conn;
struct pg_result;
struct pg_cancel;

namespace ayb::db {

using Parameter = std::optional<std::string>; // NULL where there is none
using Parameters = std::vector<Parameter>;

class Result {
  public:
    explicit Result(pg_result *result);

    int rows() const;
    // The column's text; nothing where it is NULL.
    std::optional<std::string> at(int row, int column) const;

    pg_result *get() const { return result_.get(); }

  private:
    struct Clear {
        void operator()(pg_result *result) const;
    };
    std::unique_ptr<pg_result, Clear> result_;
};

struct Statement {
    const std::string &sql;
    const Parameters &parameters;
};

struct ConnectionSettings {
    std::string dsn; // "" takes the PG* environment
    std::chrono::milliseconds statement_timeout{15000};
};

// Where a pooler stands between us and the server (PgBouncer), the server's session is another one
// in each transaction: so nothing is prepared by name then, and what a session would keep is said
// again in each transaction. Elsewhere a session keeps both, which is quicker.
class Connection {
  public:
    // Connects, which takes connect_timeout at the longest. Throws Unavailable.
    explicit Connection(const ConnectionSettings &settings);
    ~Connection();
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    // Runs one statement, prepared at its first use here. Throws Error, or Unavailable where the
    // connection is lost; nothing is ever sent twice.
    Result query(const std::string &sql, const Parameters &parameters = {});
    // The same, planned for these parameters alone.
    Result query_once(const std::string &sql, const Parameters &parameters);

    // Runs it as a statement of its own, neither prepared nor with anything before it: what ends
    // transactions itself may not stand in one.
    Result call(const std::string &sql, const Parameters &parameters);
    // Asks the server to end what it does for us now. Any thread.
    void cancel() const;

    // Runs them in one transaction and in one round trip, and gives back what each gave. Throws
    // like query() where one fails, and nothing is done then.
    std::vector<Result> query_all(const std::vector<Statement> &statements);

    // How long the next statements may take.
    void set_timeout(std::chrono::milliseconds timeout);

    // Whether it came through the last statement, outside of any transaction.
    bool intact() const;
    // Whether the session can be used (again); looks, without waiting, whether the server hung up.
    bool usable();

  private:
    static void note(void *connection, const pg_result *notice);
    Result finish(bool sent);
    pg_result *next_result(std::chrono::steady_clock::time_point end);
    void result_check(const Result &result, std::size_t statement = 0);
    void wait(bool for_write, std::chrono::steady_clock::time_point end);
    void flush(std::chrono::steady_clock::time_point end);
    [[noreturn]] void lost(bool sent);
    const std::string &prepare(const std::string &sql);
    bool send(const Statement &statement);
    std::vector<Result> finish_all(bool sent, std::size_t extra, std::size_t count);
    void set_up();

    pg_conn *connection_;
    pg_cancel *cancel_;
    std::chrono::milliseconds timeout_;
    std::map<std::string, std::string> prepared_; // by statement; as many as the sidecar has
    bool pooled_ = false; // whether the session is another one in each transaction
    bool broken_ = false;
};

// The DSN with its password hidden, to be shown.
std::string masked(const std::string &dsn);

} // namespace ayb::db
