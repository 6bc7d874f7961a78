#pragma once
// Statements that answer with JSON: one row, one column. PostgreSQL makes the text, so numbers of
// any size and every character pass through as they are.
#include "db/pool.hpp"
#include "login/right.hpp"
#include "route/failure.hpp"

namespace ayb::api {

// Roles of the database: who sees everything, as for what nobody asks in their own name, and who
// has a key to seal tokens with.
inline constexpr const char *kReader = "ayb_jobs_read";
inline constexpr const char *kSealer = "ayb_jobs_sidecar";

// The database, as one caller sees it: each transaction is the role's that has the caller's right,
// so that PostgreSQL itself refuses what is beyond it, and what is changed is kept under the
// caller's name. Who may only read can write nothing at all.
class Database {
  public:
    // As the session's own role, for nobody's right.
    explicit Database(db::Pool &pool) : Database(pool, std::string("none")) {}
    // As a role of which the session's is a member.
    Database(db::Pool &pool, std::string role) : pool_(pool), role_(std::move(role)) {}
    // `traceparent`: of the request, "" for none; jobs that are enqueued carry it in their meta.
    Database(db::Pool &pool, const login::Identity &caller, std::string traceparent);

    // The text of the row; nothing where it is NULL. Throws db::Error, or db::Unavailable; Failure
    // where ayb_jobs.enabled is off.
    std::optional<std::string> ask(const std::string &sql,
                                   const db::Parameters &parameters = {}) const;
    // The same for what makes something, which is to belong to the session's own role: it has to
    // be able to become the caller's, and is itself then.
    std::optional<std::string> make(const std::string &sql, const db::Parameters &parameters) const;

    // Runs them in one transaction, and gives back what each gave. Throws db::Error.
    std::vector<db::Result> run(const std::vector<db::Statement> &statements) const;
    // The same in a session that somebody has.
    std::vector<db::Result> run(db::Connection &session,
                                const std::vector<db::Statement> &statements) const;
    // The same: the first makes something, as for make(), the others look at it as the caller.
    std::vector<db::Result> make_and_run(const db::Statement &making,
                                         const std::vector<db::Statement> &statements) const;
    bool has_extension() const;

    db::Pool &pool() const { return pool_; }
    const std::string &role() const { return role_; }
    const std::string &actor() const { return actor_; }                 // the caller's name
    const std::optional<login::Right> &right() const { return right_; } // the caller's

  private:
    const std::string &settings() const;
    db::Parameters values() const; // the statement's of settings()
    void explain(db::Error &error) const;

    db::Pool &pool_;
    const std::string role_; // "none" is the session's own
    const std::string actor_;
    const std::string traceparent_;
    const std::optional<login::Right> right_;
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
