#pragma once
// The query of a URL, and the segments of its path.
#include "http/message.hpp"

#include <optional>

namespace ayb::http {

// %XX and, where `plus`, '+' decoded. Nothing where an escape is broken, or the text is then no
// UTF-8 or has a NUL.
std::optional<std::string> decode(std::string_view text, bool plus);

std::string encode(std::string_view text);

class Query {
  public:
    // Empty parts are harmless.
    explicit Query(std::string_view query);

    // The name of the first part that can't be decoded, as it was sent; nothing where all can.
    const std::optional<std::string> &broken() const { return broken_; }

    // "" where it is absent; the first of several.
    const std::string &operator[](std::string_view name) const;

  private:
    Fields fields_;
    std::optional<std::string> broken_;
};

} // namespace ayb::http
