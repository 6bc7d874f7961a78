#pragma once

#include <exception>
#include <string>
#include <utility>

namespace ayb::core {

/*
 * The one exception that core throws on purpose (std::bad_alloc aside).
 *
 * sqlstate: five characters, as PostgreSQL's errcodes have them.
 * message:  one lower-case fact, no full stop.
 * detail:   whole sentences about this very case; may be empty.
 * hint:     what would help; may be empty.
 *
 * All texts are printable ASCII whatever the input was, so they are valid in every server encoding.
 */
class Error : public std::exception {
  public:
    Error(std::string sqlstate, std::string message, std::string detail = {}, std::string hint = {})
        : sqlstate(std::move(sqlstate)), message(std::move(message)), detail(std::move(detail)),
          hint(std::move(hint)) {}

    const char *what() const noexcept override { return message.c_str(); }

    std::string sqlstate;
    std::string message;
    std::string detail;
    std::string hint;
};

} // namespace ayb::core
