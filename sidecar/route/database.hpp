#pragma once
// Statements that answer with JSON: one row, one column. PostgreSQL makes the text, so numbers of
// any size and every character pass through as they are.
#include "db/pool.hpp"
#include "login/right.hpp"
#include "route/failure.hpp"

namespace ayb::api {

// The database, as one caller sees it: who may only read can write nothing there either, and what
// others change is kept under their names.
class Database {
  public:
    explicit Database(db::Pool &pool, login::Identity caller = {"", login::Right::admin})
        : pool_(pool), caller_(std::move(caller)) {}

    // The text of the row; nothing where it is NULL. Throws db::Error, or db::Unavailable; Failure
    // where ayb_jobs.enabled is off.
    std::optional<std::string> ask(const std::string &sql,
                                   const db::Parameters &parameters = {}) const;
    // Runs them in one transaction, and gives back what each gave. Throws db::Error.
    std::vector<db::Result> run(const std::vector<db::Statement> &statements) const;
    bool has_extension() const;

    db::Pool &pool() const { return pool_; }

  private:
    db::Pool &pool_;
    const login::Identity caller_;
};

// The statement, but no row where ayb_jobs.enabled is off; ask() turns that into a 503. `sql`
// yields one row with one column, and isn't run then.
std::string guarded(const std::string &sql);

// "name":value,… for what is not NULL, in PostgreSQL: pairs of a name and an SQL expression.
struct Field {
    const char *name;
    const char *expression;
};
std::string object(const std::vector<Field> &fields);

// {"items":[…],"count":n} of `item` over `from` (with its WHERE), in `order`.
std::string list(const std::string &item, const std::string &from, const std::string &order);

} // namespace ayb::api
