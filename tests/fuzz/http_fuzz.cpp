// Whatever a client sends: the reader of requests, the query and the JSON of the body neither crash
// nor hold more than they may, and give the same however the bytes are cut.
#include "http/query.hpp"
#include "http/request_reader.hpp"
#include "json/json.hpp"

#include <cstdint>
#include <cstdlib>

namespace {

using ayb::http::Request;
using ayb::http::RequestReader;
using State = RequestReader::State;

constexpr ayb::http::ReaderLimits kLimits{4096, 8192};

void require(bool fact) {
    if (!fact)
        std::abort();
}

void use(const Request &request) {
    require(request.body.size() <= kLimits.body_bytes);
    const ayb::http::Query query(request.query);
    const std::string again = ayb::http::encode(query["q"]);
    require(ayb::http::decode(again, true) == query["q"]);
    try {
        const ayb::json::Object object(request.body);
        if (const auto text = object.text("q"))
            require(ayb::json::unquote(ayb::json::quote(*text)) == *text);
        ayb::json::check(request.body); // an object is JSON
    } catch (const ayb::json::Error &) {
        // what a client may be told
    }
}

// All requests of the input, fed in pieces of `step` bytes, and whether it ended in a refusal.
std::string digest(std::string_view input, std::size_t step) {
    RequestReader reader(kLimits);
    std::string seen;
    for (std::size_t at = 0; at < input.size() && reader.state() != State::refused; at += step) {
        reader.feed(input.substr(at, step));
        while (reader.state() == State::complete) {
            const Request request = reader.take_request();
            use(request);
            seen += request.method + " " + request.path + "?" + request.query + "\n" +
                    request.body + "\n";
        }
    }
    if (reader.state() == State::refused)
        seen += "refused " + std::to_string(reader.refusal().status);
    return seen;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char *>(data), size);
    const std::string whole = digest(input, size + 1);
    require(whole == digest(input, 1));
    require(whole == digest(input, 7));
    return 0;
}
