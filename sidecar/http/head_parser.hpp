#pragma once
// The head of a request. Strict: what two servers could read in two ways is refused.
#include "http/message.hpp"

#include <optional>

namespace ayb::http {

struct Refusal {
    int status;
    const char *message;
};

struct Head {
    Request request;
    std::size_t content_length = 0;
    bool chunked = false;
    bool expects_continue = false;
};

// `text` is all up to and with the empty line that ends the head. Fills `head`, or says why not.
std::optional<Refusal> parse_head(std::string_view text, Head &head);

} // namespace ayb::http
