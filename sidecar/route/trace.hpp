#pragma once
// The W3C's trace context: which trace of its client's a request is a part of.
#include "http/message.hpp"

namespace ayb::api {

// The request's traceparent; "" where it has none, more than one, or one that is malformed, which
// is to be taken for none.
std::string traceparent_of(const http::Request &request);

} // namespace ayb::api
