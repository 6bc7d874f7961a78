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

struct ConnectionSettings {
    std::string dsn; // "" takes the PG* environment
    std::chrono::milliseconds statement_timeout{15000};
};

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
    void result_check(const Result &result);
    void wait(bool for_write, std::chrono::steady_clock::time_point end);
    void flush(std::chrono::steady_clock::time_point end);
    [[noreturn]] void lost(bool sent);
    const std::string &prepare(const std::string &sql);
    void set_up();

    pg_conn *connection_;
    std::chrono::milliseconds timeout_;
    std::map<std::string, std::string> prepared_; // by statement; as many as the sidecar has
    bool broken_ = false;
};

// The DSN with its password hidden, to be shown.
std::string masked(const std::string &dsn);

} // namespace ayb::db
