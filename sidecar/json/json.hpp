#pragma once
// As much JSON as a wire needs. Values are slices of the text they came in, so that what passes
// through (a payload, a bigint) comes out byte for byte.
#include "json/error.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ayb::json {

// Throws Error unless the text is one JSON value (RFC 8259, UTF-8) and blanks.
void check(std::string_view text);

// The members of an object, in their order; of the same key the last counts. The values are slices
// of `text`, which has to stay. Throws Error on anything but an object.
class Object {
  public:
    explicit Object(std::string_view text);

    // The raw value; nothing where there is no such key.
    std::optional<std::string_view> raw(std::string_view key) const;
    // Absent and null are nothing; another type than the one asked for throws Error.
    std::optional<std::string> text(std::string_view key) const;
    std::optional<bool> boolean(std::string_view key) const;
    std::optional<long long> integer(std::string_view key) const;

    const std::vector<std::pair<std::string, std::string_view>> &members() const {
        return members_;
    }
    // The first key that is none of these; nothing where there is none.
    std::optional<std::string> other_than(std::initializer_list<std::string_view> keys) const;
    // How large the text is where its numbers are written out.
    std::size_t written_size() const { return written_size_; }

  private:
    std::vector<std::pair<std::string, std::string_view>> members_;
    std::size_t written_size_ = 0;
};

// The raw elements of an array. Throws Error on anything else.
std::vector<std::string_view> elements(std::string_view text);

// What a string of JSON stands for. Throws Error unless it is one.
std::string unquote(std::string_view text);

std::string quote(std::string_view text);

} // namespace ayb::json
